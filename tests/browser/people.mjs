// Somebody makes an account on the way to a page, comes back to it, looks after the account, and signs out elsewhere.
const PASSWORD = 'seven green bottles';
const BETTER = 'eight green bottles';

export default async function play({ url }, { open, same, holds, isAccessible }) {
  const page = await open();
  const wanted = `${url}/app/report?day=7&who=%C3%A4`;
  await page.goto(wanted);
  same(await page.title(), `Sign in · ${new URL(url).host}`, 'the first page');
  await isAccessible(page, 'sign-in');
  await page.getByRole('link', { name: 'Make an account' }).click();
  await isAccessible(page, 'sign-up');

  await page.getByLabel('Name', { exact: true }).fill('root');
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await page.getByRole('button', { name: 'Make an account' }).click();
  holds(await page.textContent('#problem'), 'Some fields need another look.');
  same(await page.inputValue('#username'), 'root', 'what was typed stays');
  await isAccessible(page, 'sign-up with a problem');
  await page.getByLabel('Name', { exact: true }).fill('ann');
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await page.getByRole('button', { name: 'Make an account' }).click();
  same(page.url(), wanted, 'back at the page that was wanted');
  holds(await page.textContent('body'), 'ann at /app/report?day=7&who=%C3%A4');

  // No role for that one: said by name, with a way out, and never a loop.
  await page.goto(`${url}/app/admin/x`);
  holds(await page.textContent('main'), 'You are signed in as ann');
  await isAccessible(page, '403');
  await page.getByRole('link', { name: 'Sign in as someone else' }).click();
  same(await page.getAttribute('form', 'action'), '/auth/login', 'another sign-in');

  await page.goto(`${url}/auth/account`);
  await isAccessible(page, 'the account');
  await page.getByLabel('Full name').fill('Ann Äpfel');
  await page.getByRole('button', { name: 'Save' }).click();
  holds(await page.textContent('[role=status]'), 'Saved.');
  same(await page.inputValue('#name'), 'Ann Äpfel', 'the new name');

  // The password, wrong first.
  for (const [current, said] of [['not this one', '[role=alert]'], [PASSWORD, '[role=status]']]) {
    await page.fill('#current-password', current);
    await page.getByLabel('New password').fill(BETTER);
    await page.getByRole('button', { name: 'Change password' }).click();
    await page.waitForSelector(said);
    if (said === '[role=alert]') await page.locator('#problem:focus').waitFor();
    await isAccessible(page, `the account after ${current}`);
  }

  // Another browser: wrong once, then in, then signed out from here.
  const other = await open();
  await other.goto(`${url}/auth/login`);
  for (const password of [PASSWORD, BETTER]) {
    await other.fill('#username', 'ann');
    await other.fill('#current-password', password);
    const [answer] = await Promise.all([other.waitForResponse((one) => one.request().method() === 'POST'),
      other.getByRole('button', { name: 'Sign in', exact: true }).click()]);
    if (password === PASSWORD) {
      same(answer.status(), 401, 'a wrong password');
      await other.waitForSelector('#problem');
      same(await other.inputValue('#username'), 'ann', 'the name that was typed stays');
      await isAccessible(other, 'sign-in with a problem');
    }
  }
  await other.goto(wanted);
  same(other.url(), wanted, 'the other browser is in');
  await page.goto(`${url}/auth/account`);
  same(await page.locator('.sessions li').count(), 2, 'two sessions');
  await page.getByRole('button', { name: 'Sign out there' }).click();
  holds(await page.textContent('[role=status]'), 'Signed out there.');
  await other.goto(wanted);
  holds(other.url(), '/auth/login?return_to=');

  // Another tab of this browser.
  const tab = await page.context().newPage();
  await tab.goto(`${url}/auth/account`);
  await tab.getByRole('button', { name: 'Sign out', exact: true }).click();
  await page.goto(wanted);
  holds(page.url(), '/auth/login?return_to=');
}
