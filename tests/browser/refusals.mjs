// Refusals and the page of codes, in every language.
export default async function play({ url, gone, elsewhere }, { open, same, holds, isAccessible }) {
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

  // What would send somebody in circles is named instead.
  const lost = await open();
  await lost.goto(`${url}/auth/login?return_to=%2Fapp`);
  await lost.context().clearCookies();
  await lost.fill('#username', 'ann');
  await lost.fill('#current-password', 'x');
  await lost.click('button[type=submit]');
  same(await lost.textContent('h1'), 'Signing in did not work', 'no cookie');
  holds(await lost.textContent('main'), 'Allow cookies for this site');
  await isAccessible(lost, 'a browser that keeps no cookie');
  await lost.goto(`${elsewhere}/auth/login`);
  await lost.fill('#username', 'ann');
  await lost.fill('#current-password', 'x');
  await lost.click('button[type=submit]');
  holds(await lost.textContent('main'), 'This site is found at http://app.example.com.');
  await isAccessible(lost, 'another place than public_url');

  // A form that is too old keeps what was typed.
  await lost.goto(`${url}/auth/login?return_to=%2Fapp`);
  await lost.evaluate(() => { document.querySelector('[name=csrf]').value = 'old'; });
  await lost.fill('#username', 'ann');
  await lost.fill('#current-password', 'x');
  await lost.click('button[type=submit]');
  holds(await lost.textContent('#problem'), 'This form was too old.');
  same(await lost.inputValue('#username'), 'ann', 'what was typed stays');
}
