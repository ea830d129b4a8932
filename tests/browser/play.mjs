// Plays one scene in a real browser: node play.mjs HOME SCENE '{"url": …}'. Prints "ok" or says what is wrong.
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import path from 'node:path';

const [home, scene, told] = process.argv.slice(2);
const require = createRequire(path.resolve(home) + '/');
const { chromium } = require('playwright-core');
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync'];
// With a new, empty profile, which playwright makes and takes away.
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: [...FLAGS, ...(JSON.parse(told).flags ?? [])] });

/** A window with cookies of its own. What a page complains about, its policy's breaches too, fails the scene. */
export async function open(options = {}) {
  const context = await browser.newContext({ locale: 'en-GB', ...options });
  context.setDefaultTimeout(10_000);
  const page = await context.newPage();
  page.on('console', (message) => {
    // A refusal's own status is noted by the browser as an error.
    const expected = /the server responded with a status of/.test(message.text());
    if (message.type() === 'error' && !expected) throw new Error(`the page complains: ${message.text()}`);
  });
  page.on('pageerror', (error) => { throw error; });
  return page;
}

export function same(got, wanted, about = '') {
  if (got !== wanted) throw new Error(`${about}\n  wanted ${JSON.stringify(wanted)}\n     got ${JSON.stringify(got)}`);
}

export function holds(text, part) {
  if (!text.includes(part)) throw new Error(`no ${JSON.stringify(part)} in:\n${text}`);
}

/** Everything that can be used is reached by Tab alone, and seen to have the focus. */
async function isReachable(page, about) {
  const wanted = await page.evaluate(() => {
    const usable = [...document.querySelectorAll('a[href], button, input, select, textarea, summary')]
      .filter((one) => one.checkVisibility() && !one.disabled);
    globalThis.reached = new Set();
    return usable.map((one) => one.id || one.textContent.trim());
  });
  for (let steps = 0; steps < wanted.length + 3; steps += 1) {
    await page.keyboard.press('Tab');
    const dim = await page.evaluate(() => {
      const at = document.activeElement;
      globalThis.reached.add(at.id || at.textContent.trim());
      return at === document.body || getComputedStyle(at).outlineStyle === 'solid' ? '' : at.outerHTML;
    });
    if (dim) throw new Error(`${about}: the focus is not seen at ${dim}`);
  }
  const reached = await page.evaluate(() => [...globalThis.reached]);
  const missed = wanted.filter((one) => !reached.includes(one));
  if (missed.length) throw new Error(`${about}: not reached by Tab: ${missed.join(', ')}`);
}

/** axe-core finds nothing in light or dark, on a wide screen or a phone's, nothing sticks out sideways, and a keyboard is enough. */
export async function isAccessible(page, about, { schemes = ['light', 'dark'], widths = [1100, 320] } = {}) {
  await isReachable(page, about);
  await page.evaluate(axe);
  for (const colorScheme of schemes) {
    for (const width of widths) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 800 });
      const { violations } = await page.evaluate(() => globalThis.axe.run(document, {
        runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
      }));
      const found = violations.map((one) => `${one.id}: ${one.help}\n    ${one.nodes.map((node) => node.html).join('\n    ')}`);
      if (found.length) throw new Error(`${about} in ${colorScheme}, ${width} px wide:\n  ${found.join('\n  ')}`);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      if (wide > width) throw new Error(`${about} is ${wide} px wide on a screen of ${width}`);
    }
  }
}

const { default: play } = await import(`./${scene}.mjs`);
try {
  await play(JSON.parse(told), { open, same, holds, isAccessible });
  console.log('ok');
} catch (error) {
  console.error(error.stack ?? error);
  process.exitCode = 1;
} finally {
  await browser.close();
}
