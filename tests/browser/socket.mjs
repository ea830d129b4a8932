// A WebSocket of a page over the HTTP/2 connection that the page itself came by, until the person signs out.
export default async function play({ url }, { open, same, holds }) {
  const page = await open({ ignoreHTTPSErrors: true });
  await page.goto(`${url}/auth/register?return_to=%2Fapp%2Fx`);
  await page.fill('#username', 'alice');
  await page.fill('#new-password', 'seven green bottles');
  await page.click('button[type=submit]');
  holds(await page.textContent('body'), 'alice at /app/x');
  const heard = await page.evaluate(() => new Promise((resolve) => {
    const socket = new WebSocket(`wss://${location.host}/app/socket`);
    const heard = [];
    socket.onmessage = async ({ data }) => {
      heard.push(data);
      if (heard.length === 1) socket.send('there');
      else heard.push((await fetch('/auth/logout', { method: 'POST' })).status);
    };
    socket.onclose = ({ code, reason }) => resolve([...heard, code, reason].join(', '));
  }));
  same(heard, 'hello, heard, 204, 1008, the session has ended');
}
