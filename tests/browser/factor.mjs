// A second factor: added on the account's page, asked for at the next sign-in, and taken away, all without scripts.
import { code } from './totp.mjs';

const PASSWORD = 'seven green bottles';

export default async function play({ url }, { open, same, holds, isAccessible }) {
  const page = await open();
  const press = (name) => page.getByRole('button', { name }).click();
  await page.goto(`${url}/auth/register?return_to=%2Fauth%2Faccount`);
  await page.fill('#username', 'ann');
  await page.fill('#new-password', PASSWORD);
  await press('Make an account');
  await page.fill('#factor-password', 'not this one');
  await press('Add an app');
  holds(await page.textContent('#problem'), 'The current password is not right.');
  await isAccessible(page, 'the account with a wrong password for the second factor');
  await page.fill('#factor-password', PASSWORD);
  await press('Add an app');
  await isAccessible(page, 'a key');
  same(await page.locator('img.key').evaluate((image) => image.naturalWidth > 100), true, 'the picture is drawn');
  const key = (await page.textContent('#key')).trim();
  await page.fill('#code', '12345');
  await press('Add the app');
  holds(await page.textContent('#problem'), 'The code is not right.');
  await isAccessible(page, 'a key after a wrong code');
  await page.fill('#code', code(key, 0));
  await press('Add the app');
  same(await page.textContent('h1'), 'Recovery codes', 'added');
  await isAccessible(page, 'recovery codes');
  const codes = await page.locator('.recovery code').allTextContents();
  same(codes.length, 10, 'recovery codes');
  await page.getByRole('link', { name: 'Back to your account' }).click();
  holds(await page.textContent('main'), 'Recovery codes left: 10');
  await isAccessible(page, 'the account with a second factor');

  // The next code of the app, and in yet another browser a recovery code.
  for (const last of [code(key, 1), codes[3]]) {
    const other = await open({ javaScriptEnabled: false });
    await other.goto(`${url}/app/x`);
    await other.fill('#username', 'ann');
    await other.fill('#current-password', PASSWORD);
    await other.click('button[type=submit]');
    for (const shown of ['000 00', last]) {
      await other.fill('#code', shown);
      await other.click('button[type=submit]');
    }
    holds(await other.textContent('body'), 'ann at /app/x');
  }
  const asked = await open();
  await asked.goto(`${url}/auth/login`);
  await asked.fill('#username', 'ann');
  await asked.fill('#current-password', PASSWORD);
  await asked.getByRole('button', { name: 'Sign in', exact: true }).click();
  same(await asked.textContent('h1'), 'Second factor', 'asked for the code');
  await isAccessible(asked, 'the second factor');

  await page.reload();
  holds(await page.textContent('main'), 'Recovery codes left: 9');
  await page.fill('#factor-password', PASSWORD);
  await press('Make new recovery codes');
  same((await page.locator('.recovery code').allTextContents()).includes(codes[0]), false, 'other codes');
  await page.getByRole('link', { name: 'Back to your account' }).click();
  await page.fill('#factor-password', PASSWORD);
  await press('Remove the second factor');
  holds(await page.textContent('[role=status]'), 'Your second factor is removed.');
}
