// The pictures of the README: light, dark, and on a phone.
import { virtualDevice } from './device.mjs';
import { code } from './totp.mjs';

const PASSWORD = 'seven green bottles';
const LOOKS = [['light', { width: 720, height: 640 }, 'light'], ['dark', { width: 720, height: 640 }, 'dark'],
  ['phone', { width: 360, height: 640 }, 'light']];

export default async function play({ url, folder }, { open, same }) {
  const shoot = (page, name) => page.screenshot({ path: `${folder}/${name}.png`, fullPage: true });
  for (const [look, viewport, colorScheme] of LOOKS) {
    const page = await open({ viewport, colorScheme });
    await virtualDevice(page);
    await page.goto(`${url}/app/report`);
    await shoot(page, `sign-in-${look}`);
    await page.goto(`${url}/auth/register`);
    if (look === 'dark') await shoot(page, 'sign-up-dark');
    await page.fill('#username', `ann-${look}`);
    await page.fill('#new-password', PASSWORD);
    await page.click('button[type=submit]');
    await page.goto(`${url}/auth/account`);
    await page.fill('#passkey-name', 'Laptop');
    await page.getByRole('button', { name: 'Add a passkey' }).click();
    await page.waitForSelector('#passkey-1');
    await page.goto(`${url}/auth/account`);
    await shoot(page, `account-${look}`);
    same((await page.goto(`${url}/app/admin/x`)).status(), 403, 'a page for others');
    if (look === 'light') await shoot(page, 'no-access-light');

    await page.goto(`${url}/auth/account`);
    await page.fill('#factor-password', PASSWORD);
    await page.click('form[action^="/auth/mfa/totp"] button[type=submit]');
    if (look === 'light') await shoot(page, 'new-factor-light');
    await page.fill('#code', code((await page.textContent('#key')).trim(), 0));
    await page.click('button[type=submit]');
    if (look === 'phone') await shoot(page, 'recovery-codes-phone');
    await page.goto(`${url}/auth/login?prompt=login`);
    await page.fill('#username', `ann-${look}`);
    await page.fill('#current-password', PASSWORD);
    await page.click('button[type=submit]');
    await shoot(page, `second-factor-${look}`);
    await page.goto(`${url}/auth/password/reset?token=x`);
    await shoot(page, `reset-${look}`);
    await page.context().close();
  }
  const arabic = await open({ viewport: LOOKS[2][1], locale: 'ar' });
  await arabic.goto(`${url}/auth/login`);
  await arabic.fill('#username', 'ann');
  await arabic.fill('#current-password', 'not this one');
  await arabic.click('button[type=submit]');
  await shoot(arabic, 'sign-in-arabic');
}
