// Pages work without this. It shows and hides passwords, and brings what went wrong to the reader's notice.
"use strict";
for (const button of document.querySelectorAll("button.show")) {
  const field = document.getElementById(button.getAttribute("aria-controls"));
  button.hidden = false;
  button.addEventListener("click", () => {
    const shown = field.type === "password";
    field.type = shown ? "text" : "password";
    button.setAttribute("aria-pressed", String(shown));
    field.focus();
  });
  // A password must not stay in the browser's memory of text fields.
  field.form.addEventListener("submit", () => { field.type = "password"; });
}
// Chromium takes our policy for forms to hold also where the page that is opened after the sign-in leads on to another site, and
// stays here. Asked for by no form, that page may lead anywhere; who is not signed in is asked to once more.
document.addEventListener("securitypolicyviolation", ({ effectiveDirective }) => {
  const way = effectiveDirective === "form-action" && document.querySelector("[data-onwards]");
  if (way) location.replace(way.dataset.onwards);
});
// After the browser went to the part of the page that the address names.
addEventListener("load", () => {
  if (!document.querySelector("[autofocus]")) document.getElementById("problem")?.focus();
});
