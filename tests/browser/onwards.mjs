// The page that was wanted leads on to another site: that is followed after the form was sent, also when it was wrong first.
export default async function play({ url, elsewhere, password }, { open, same }) {
  const page = await open();
  // That it refuses to send the form there is what the browser says before our script helps it.
  page.removeAllListeners('console');
  await page.goto(`${url}/app/onwards?day=7`);
  for (const typed of ['not this one', password]) {
    await page.fill('#username', 'alice');
    await page.fill('#current-password', typed);
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await page.waitForURL(typed === password ? elsewhere : `${url}/auth/login`);
  }
  same(await page.textContent('body'), 'elsewhere', 'the other site');
}
