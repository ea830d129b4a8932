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
    let signedOut;
    socket.onmessage = ({ data }) => {
      heard.push(data);
      if (heard.length === 1) socket.send('there');
      else signedOut = fetch('/auth/logout', { method: 'POST' });
    };
    // The socket may be closed before the answer to the sign-out is there.
    socket.onclose = async ({ code, reason }) => resolve([...heard, (await signedOut).status, code, reason].join(', '));
  }));
  same(heard, 'hello, heard, 204, 1008, the session has ended');
}
