// The links of mails: an address that is confirmed before anybody comes in, and a forgotten password.
import { readFile } from 'node:fs/promises';

const PASSWORD = 'seven green bottles';
const BETTER = 'eight green bottles';

export default async function play({ url, mails }, { open, same, holds, isAccessible }) {
  const page = await open();
  await page.goto(`${url}/auth/register`);
  await page.fill('#username', 'ann');
  await page.fill('#email', 'ann@example.com');
  await page.fill('#new-password', PASSWORD);
  await page.getByRole('button', { name: 'Make an account' }).click();
  same(await page.textContent('h1'), 'One step is left', 'a mail is on its way');
  await isAccessible(page, 'after signing up');
  await page.goto(await link(mails, 0));
  await isAccessible(page, 'the link that confirms an address');
  await page.getByRole('button', { name: 'Confirm' }).click();
  same(await page.textContent('h1'), 'Your address is confirmed', 'confirmed');
  await isAccessible(page, 'a confirmed address');
  await page.getByRole('link', { name: 'Back to sign-in' }).click();

  await page.getByRole('link', { name: 'Forgot the password?' }).click();
  await isAccessible(page, 'a forgotten password');
  await page.getByLabel('E-mail address').fill('ann@example.com');
  await page.getByRole('button', { name: 'Send the link' }).click();
  same(await page.textContent('h1'), 'Look into your mail', 'another mail is on its way');
  await isAccessible(page, 'after asking for a link');
  const reset = await link(mails, 1);
  await page.goto(reset);
  await isAccessible(page, 'a new password');
  await page.getByLabel('New password').fill('password');
  await page.getByRole('button', { name: 'Change password' }).click();
  await page.waitForSelector('#problem');
  await isAccessible(page, 'a new password that is too weak');
  await page.getByLabel('New password').fill(BETTER);
  await page.getByRole('button', { name: 'Change password' }).click();
  same(await page.textContent('h1'), 'Your password is changed', 'changed');
  await page.getByRole('link', { name: 'Back to sign-in' }).click();
  await page.fill('#username', 'ann');
  await page.fill('#current-password', BETTER);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.goto(`${url}/app/x`);
  holds(await page.textContent('body'), 'ann at /app/x');

  // Each link is good once.
  await page.goto(reset);
  await page.getByLabel('New password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Change password' }).click();
  holds(await page.textContent('#problem'), 'This link was used before');
}

/** The link in a mail, waited for. */
async function link(mails, number) {
  for (const end = Date.now() + 10_000; Date.now() < end; await new Promise((done) => setTimeout(done, 50))) {
    const lines = (await readFile(mails, 'utf8').catch(() => '')).split('\n').filter(Boolean);
    if (lines.length > number) return JSON.parse(lines[number]).text.match(/http\S+token=\S+/)[0];
  }
  throw new Error(`no mail ${number}`);
}
