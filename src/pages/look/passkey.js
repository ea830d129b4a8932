// Signs in with a passkey, and adds one. What needs this stays hidden without it, and where a passkey would not be good.
"use strict";
const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

// What the gateway offers, as the browser takes it.
async function begin(form) {
  const answer = await fetch(form.dataset.begin, { method: "POST" });
  if (!answer.ok) throw Object.assign(new Error(), { name: { 409: "Full", 429: "Limited" }[answer.status] ?? "Refused" });
  const { publicKey } = await answer.json();
  publicKey.challenge = bytes(publicKey.challenge);
  if (publicKey.user) publicKey.user.id = bytes(publicKey.user.id);
  for (const one of publicKey.excludeCredentials ?? []) one.id = bytes(one.id);
  return publicKey;
}

async function ask(form) {
  const publicKey = await begin(form);
  const made = await (publicKey.user ? navigator.credentials.create({ publicKey }) : navigator.credentials.get({ publicKey }));
  const response = {};
  for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (made.response[name]) response[name] = text(made.response[name]);
  }
  form.elements.credential.value = JSON.stringify({ rawId: text(made.rawId), response });
  form.submit();
}

// A passkey is good at one origin, and at none that is a bare address.
const isHere = (form) => form.dataset.origin === location.origin && !/^[\d.]+$|:/.test(location.hostname);
const SAID = { NotAllowedError: "cancelled", AbortError: "cancelled", InvalidStateError: "exists", Full: "full", Limited: "limited" };

for (const form of document.querySelectorAll("form.passkey")) {
  if (!window.PublicKeyCredential || !isHere(form)) continue;
  const [button, problem] = [form.querySelector("button"), form.querySelector(".problem")];
  let asked = false;
  form.hidden = false;
  for (const hint of form.parentNode.querySelectorAll("[data-without-passkeys]")) hint.hidden = true;
  // Enter in its field does what the button does.
  form.addEventListener("submit", (event) => { event.preventDefault(); button.click(); });
  button.addEventListener("click", async () => {
    if (asked) return;
    asked = true;
    problem.textContent = "";
    try {
      await ask(form);
    } catch (error) {
      problem.textContent = problem.dataset[SAID[error.name] ?? "failed"];
    }
    asked = false;
  });
}
