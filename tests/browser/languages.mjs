// Every page from right to left, and in the language with the longest words: nothing sticks out of a phone's screen, and axe-core agrees.
import { code } from './totp.mjs';

const PASSWORD = 'seven green bottles';

export default async function play({ url }, { open, same, isAccessible }) {
  for (const [locale, dir] of [['ar', 'rtl'], ['de', 'ltr']]) {
    const page = await open({ locale });
    const submit = (action) => page.click(`form[action^="/auth${action}"] button[type=submit]`);
    const looks = async (about) => {
      same(await page.getAttribute('html', 'dir'), dir, about);
      same(await page.evaluate(() => document.body.textContent.includes('{')), false, `${about}: something was not filled in`);
      // Colours and wide screens are looked at in English.
      await isAccessible(page, `${about} in ${locale}`, { schemes: ['light'], widths: [320] });
    };
    await page.goto(`${url}/auth/register?return_to=%2Fauth%2Faccount`);
    await page.fill('#username', 'root');
    await page.fill('#new-password', PASSWORD);
    await submit('/register');
    await looks('sign-up with a problem');
    await page.fill('#username', `ann-${locale}`);
    await page.fill('#new-password', PASSWORD);
    await submit('/register');
    await looks('the account');
    await page.goto(`${url}/vault/x`);
    await looks('a page that needs two factors');
    await page.goto(`${url}/auth/account`);
    await page.fill('#factor-password', PASSWORD);
    await submit('/mfa/totp');
    await looks('a key');
    await page.fill('#code', code((await page.textContent('#key')).trim(), 0));
    await submit('/mfa/totp/confirm');
    await looks('recovery codes');
    same((await page.goto(`${url}/vault/x`)).status(), 200, 'let in with the second factor that was just added');
    await page.goto(`${url}/auth/login?prompt=login`);
    await page.fill('#username', `ann-${locale}`);
    await page.fill('#current-password', 'not this one');
    await submit('/login');
    await looks('sign-in with a problem');
    await page.fill('#current-password', PASSWORD);
    await submit('/login');
    await looks('the second factor');
    for (const path of ['/auth/password/forgot', '/auth/password/reset?token=x', '/auth/verify-email?token=x', '/app/admin/x']) {
      await page.goto(`${url}${path}`);
      await looks(path);
    }
    await page.goto(`${url}/auth/verify-email?token=x`);
    await submit('/verify-email');
    await looks('a link that is not good');
    await page.goto(`${url}/auth/password/forgot`);
    await page.fill('#email', 'nobody@example.com');
    await submit('/password/forgot');
    await looks('after asking for a link');
    await page.context().close();
  }
}
