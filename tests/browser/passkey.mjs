// Passkeys of a virtual device: added on the account's page, good alone and in place of a code, and removed.
import { virtualDevice } from './device.mjs';
import { code } from './totp.mjs';

const PASSWORD = 'seven green bottles';

export default async function play({ url }, tools) {
  const { open, same, holds, isAccessible } = tools;
  const page = await open();
  const device = await virtualDevice(page);
  const press = (name) => page.getByRole('button', { name, exact: true }).click();
  const problem = (text) => page.getByText(text).waitFor();
  const signOut = async () => {
    await page.goto(`${url}/auth/account`);
    await press('Sign out');
  };
  const withPassword = async (where) => {
    await page.goto(`${url}${where}`);
    await page.fill('#username', 'ann');
    await page.fill('#current-password', PASSWORD);
    await press('Sign in');
  };

  await page.goto(`${url}/auth/register?return_to=%2Fauth%2Faccount`);
  await page.fill('#username', 'ann');
  await page.fill('#new-password', PASSWORD);
  await press('Make an account');
  await isAccessible(page, 'the account without a passkey');
  await page.getByLabel('Name of the passkey').fill('Laptop');
  await press('Add a passkey');
  await page.waitForURL('**/auth/account?done=passkeys#passkeys');
  holds(await page.textContent('[role=status]'), 'Saved.');
  same(await page.textContent('#passkey-1'), 'Laptop', 'its name');
  await page.getByText('Change', { exact: true }).click();
  await isAccessible(page, 'the account with a passkey');
  await page.fill('#passkey-name-1', 'Phone');
  await press('Rename');
  same(await page.textContent('#passkey-1'), 'Phone', 'its new name');
  await press('Add a passkey');
  await problem('This device has a passkey for the account already.');
  await isAccessible(page, 'the account after a second passkey of one device');

  // Alone, where two factors are asked for, and back to the page first asked for.
  await signOut();
  await page.goto(`${url}/vault/x?a=%20b`);
  await isAccessible(page, 'sign-in with passkeys');
  await device.verifies(false);
  await press('Sign in with a passkey');
  await problem('No passkey was used.');
  await isAccessible(page, 'sign-in after a passkey that was not shown');
  await device.verifies(true);
  await press('Sign in with a passkey');
  await page.waitForURL(`${url}/vault/x?a=%20b`);
  holds(await page.textContent('body'), 'ann at /vault/x?a=%20b');

  // The password alone is not enough there: the page says so and leads on.
  await signOut();
  await withPassword('/auth/login?return_to=%2Fvault%2Fy');
  same(await page.textContent('h1'), 'One more proof is needed', 'one factor');
  await isAccessible(page, 'a page that needs two factors');
  await page.getByRole('link', { name: 'Sign in with your second factor or a passkey' }).click();
  await page.getByRole('button', { name: 'Sign in with a passkey' }).focus();
  await Promise.all([page.waitForURL(`${url}/vault/y`), page.keyboard.press('Enter')]);

  // In place of the code of an app.
  await page.goto(`${url}/auth/account`);
  await page.fill('#factor-password', PASSWORD);
  await press('Add an app');
  await page.fill('#code', code((await page.textContent('#key')).trim(), 0));
  await press('Add the app');
  await signOut();
  await withPassword('/app/x');
  same(await page.textContent('h1'), 'Second factor', 'the second half');
  await isAccessible(page, 'the second factor with passkeys');
  await page.fill('#code', '123');
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  holds(await page.textContent('#problem'), 'The code is not right.');
  await press('Use a passkey instead');
  await page.waitForURL(`${url}/app/x`);
  holds(await page.textContent('body'), 'ann at /app/x');

  // Removed: the device has it still, and it signs nobody in.
  await page.goto(`${url}/auth/account`);
  await page.getByText('Change', { exact: true }).click();
  await press('Remove');
  await page.waitForURL('**/auth/account?done=passkeys#passkeys');
  same(await page.locator('#passkey-1').count(), 0, 'removed');
  await signOut();
  await page.goto(`${url}/app/z`);
  await press('Sign in with a passkey');
  await page.waitForSelector('#problem');
  holds(await page.textContent('#problem'), 'The passkey is not good here.');
  await isAccessible(page, 'sign-in after a passkey that is not good');
  await page.fill('#username', 'ann');
  await page.fill('#current-password', PASSWORD);
  await press('Sign in');
  same(await page.getByRole('button', { name: 'Use a passkey instead' }).count(), 0, 'nobody has one');
  await withoutScripts(url, tools);

  // Somebody whom the operator helps afterwards.
  const other = await open();
  await virtualDevice(other);
  await other.goto(`${url}/auth/register?return_to=%2Fauth%2Faccount`);
  await other.fill('#username', 'carol');
  await other.fill('#new-password', PASSWORD);
  await other.getByRole('button', { name: 'Make an account' }).click();
  await other.getByRole('button', { name: 'Add a passkey' }).click();
  await other.waitForURL('**/auth/account?done=passkeys#passkeys');
  same(await other.textContent('#passkey-1'), 'Passkey', 'one without a name');
}

/** What would do nothing is not shown. */
async function withoutScripts(url, { open, same }) {
  const page = await open({ javaScriptEnabled: false });
  await page.goto(`${url}/auth/register?return_to=%2Fauth%2Faccount`);
  await page.fill('#username', 'bob');
  await page.fill('#new-password', PASSWORD);
  await page.click('button[type=submit]');
  same(await page.getByText('Adding one needs a browser that knows passkeys').isVisible(), true, 'why none can be added');
  same(await page.getByRole('button', { name: 'Add a passkey' }).isVisible(), false, 'a button that would do nothing');
  await page.goto(`${url}/auth/login?prompt=login`);
  same(await page.getByRole('button', { name: 'Sign in with a passkey' }).isVisible(), false, 'another one');
}
