// The pictures of the README: light, dark, and on a phone.
export default async function play({ url, folder }, { open, same }) {
  const looks = [['light', { width: 720, height: 640 }, 'light'], ['dark', { width: 720, height: 640 }, 'dark'],
    ['phone', { width: 360, height: 640 }, 'light']];
  const shoot = (page, name, fullPage = false) => page.screenshot({ path: `${folder}/${name}.png`, fullPage });
  for (const [look, viewport, colorScheme] of looks) {
    const page = await open({ viewport, colorScheme });
    await page.goto(`${url}/app/report`);
    await shoot(page, `sign-in-${look}`);
    await page.goto(`${url}/auth/register`);
    if (look === 'dark') await shoot(page, 'sign-up-dark', true);
    await page.fill('#username', `ann-${look}`);
    await page.fill('#new-password', 'seven green bottles');
    await page.click('button[type=submit]');
    await page.goto(`${url}/auth/account`);
    await shoot(page, `account-${look}`, true);
    same((await page.goto(`${url}/app/admin/x`)).status(), 403, 'a page for others');
    if (look === 'light') await shoot(page, 'no-access-light');
    await page.context().close();
  }
  const arabic = await open({ viewport: looks[2][1], locale: 'ar' });
  await arabic.goto(`${url}/auth/login`);
  await arabic.fill('#username', 'ann');
  await arabic.fill('#current-password', 'not this one');
  await arabic.click('button[type=submit]');
  await shoot(arabic, 'sign-in-arabic');
}
