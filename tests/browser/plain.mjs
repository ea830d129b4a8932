// Without scripts, and then with nothing but a keyboard.
import { code } from './totp.mjs';

const PASSWORD = 'seven green bottles';

export default async function play({ url }, tools) {
  await withoutScripts(url, tools);
  await byKeyboard(url, tools);
}

async function withoutScripts(url, { open, same, holds }) {
  const page = await open({ javaScriptEnabled: false });
  await page.goto(`${url}/auth/register?return_to=%2Fapp%2Fx`);
  same(await page.locator('button.show').isVisible(), false, 'a button that would do nothing');
  await page.fill('#username', 'bob');
  await page.fill('#new-password', PASSWORD);
  await page.click('button[type=submit]');
  same(page.url(), `${url}/app/x`, 'signed up');
  await page.goto(`${url}/auth/account`);
  await page.getByRole('button', { name: 'Sign out', exact: true }).click();
  await page.goto(`${url}/app/y`);
  await page.fill('#username', 'bob');
  await page.fill('#current-password', PASSWORD);
  await page.click('button[type=submit]');
  same(page.url(), `${url}/app/y`, 'signed in');
  holds(await page.textContent('body'), 'bob at /app/y');

  // The account: a name, a password, an app with its codes, and another browser signed out.
  const other = await open({ javaScriptEnabled: false });
  await other.goto(`${url}/app/x`);
  await other.fill('#username', 'bob');
  await other.fill('#current-password', PASSWORD);
  await other.click('button[type=submit]');
  await page.goto(`${url}/auth/account`);
  await page.fill('#name', 'Bob');
  await page.click('form[action^="/auth/account"] button');
  same(await page.inputValue('#name'), 'Bob', 'the new name');
  same(new URL(page.url()).hash, '#you', 'the part that was changed is seen');
  await page.click('form[action^="/auth/sessions/"] button');
  await other.goto(`${url}/app/x`);
  holds(other.url(), '/auth/login?return_to=');
  await page.fill('#current-password', PASSWORD);
  await page.fill('#new-password', 'eight green bottles');
  await page.click('form[action^="/auth/password"] button[type=submit]');
  holds(await page.textContent('[role=status]'), 'Your password is changed');
  await page.fill('#factor-password', 'eight green bottles');
  await page.click('form[action^="/auth/mfa/totp"] button[type=submit]');
  await page.fill('#code', code((await page.textContent('#key')).trim(), 0));
  await page.click('button[type=submit]');
  same(await page.locator('.recovery code').count(), 10, 'recovery codes');
  await page.goto(`${url}/auth/account`);
  await page.fill('#factor-password', 'eight green bottles');
  await page.click('button[name=remove]');
  await page.fill('#current-password', 'eight green bottles');
  await page.fill('#new-password', PASSWORD);
  await page.click('form[action^="/auth/password"] button[type=submit]');
  for (const path of ['/auth/password/forgot', '/auth/password/reset?token=x', '/auth/verify-email?token=x']) {
    await page.goto(`${url}${path}`);
    for (const field of await page.locator('input:visible').all()) await field.fill('bob@example.com');
    await page.click('button[type=submit]:visible');
    same(await page.locator('main').isVisible(), true, path);
  }
}

async function byKeyboard(url, { open, same }) {
  const page = await open();
  const type = (text) => page.keyboard.type(text);
  const tab = () => page.keyboard.press('Tab');
  const at = () => page.evaluate(() => document.activeElement.id || document.activeElement.textContent.trim());
  await page.goto(`${url}/app/z`);
  same(await at(), 'username', 'the first field has the focus');
  await type('bob');
  await tab();
  await type(PASSWORD);
  await tab();
  same(await at(), 'Show password', 'after the password');
  await page.keyboard.press('Space');
  same(await page.getAttribute('#current-password', 'type'), 'text', 'the password is shown');
  same(await at(), 'current-password', 'back in the field');
  await Promise.all([page.waitForURL(`${url}/app/z`), page.keyboard.press('Enter')]);
  await page.goto(`${url}/auth/account`);
  for (let steps = 0; (await at()) !== 'Sign out everywhere'; steps += 1) {
    if (steps > 40) throw new Error('no way to "Sign out everywhere" by Tab');
    await tab();
    const seen = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
    same(seen, 'solid', `the focus is seen at ${await at()}`);
  }
  await Promise.all([page.waitForURL('**/auth/login'), page.keyboard.press('Enter')]);
  await page.goto(`${url}/app/z`);
  same(new URL(page.url()).pathname, '/auth/login', 'signed out everywhere');
}
