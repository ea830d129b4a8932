// Refusals and the page of codes, in every language.
export default async function play({ url, gone }, { open, same, holds, isAccessible }) {
  for (const [locale, lang, dir] of [['en-GB', 'en', 'ltr'], ['de-AT', 'de', 'ltr'], ['fr', 'fr', 'ltr'], ['es', 'es', 'ltr'], ['ar', 'ar', 'rtl']]) {
    const page = await open({ locale });
    const answer = await page.goto(`${url}/nowhere`);
    same(answer.status(), 404, 'a page that is not there');
    same(await page.getAttribute('html', 'lang'), lang, locale);
    same(await page.getAttribute('html', 'dir'), dir, locale);
    await isAccessible(page, `404 in ${lang}`);
    await page.context().close();
  }
  const page = await open();
  same((await page.goto(`${url}${gone}`)).status(), 502, 'a backend that is gone');
  await isAccessible(page, '502');
  await page.goto(`${url}/auth/errors#no_route`);
  await isAccessible(page, 'the page of codes');
  // A script of the site that asks is told in JSON.
  const kind = await page.evaluate(async () => (await fetch('/nowhere')).headers.get('content-type'));
  holds(kind, 'application/problem+json');
}
