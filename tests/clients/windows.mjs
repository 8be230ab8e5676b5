// Browsers and their windows, which obey: each line in is {id, verb, args}, each line out {id, result}
// or {id, error}. Arguments: the browser's program, playwright-core, a switch. Browsers end with this process.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

const [program, playwright, lean] = process.argv.slice(2);
const { chromium } = (await import(playwright)).default;
const browsers = new Map();
const windows = new Map();
const errors = [];

// A browser reports as an error of the page that it cannot reach a server, or that one refuses.
const OF_THE_NETWORK = /^(WebSocket connection to|Failed to load resource)/;

const FLAGS = [
  "--headless", "--no-sandbox", "--remote-debugging-port=0", "--no-first-run", "--disable-gpu",
  "--disable-dev-shm-usage", "--disable-extensions", "--disable-background-networking",
  "--disable-component-update", "--disable-background-timer-throttling",
  "--disable-renderer-backgrounding", "--disable-backgrounding-occluded-windows",
  "--password-store=basic", lean,
];

// The address of DevTools is the first that the browser writes of it.
function addressOf(browser) {
  return new Promise((resolve, reject) => {
    createInterface({ input: browser.stderr }).on("line", (line) => {
      const [, address] = /DevTools listening on (\S+)/.exec(line) ?? [];
      if (address) resolve(address);
    });
    browser.on("exit", () => reject(new Error("expected a browser that stays, got one that ended")));
  });
}

async function opened(window, context) {
  const page = await context.newPage();
  page.on("pageerror", (error) => errors.push(`${window}: ${error.stack ?? error}`));
  page.on("console", (message) => {
    if (message.type() !== "error" || OF_THE_NETWORK.test(message.text())) return;
    errors.push(`${window}: ${message.text()}`);
  });
  windows.set(window, page);
  return page;
}

const VERBS = {
  // Start a browser with a profile: a folder in which it keeps what pages store.
  async start(name, profile) {
    const child = spawn(program, [...FLAGS, `--user-data-dir=${profile}`], { stdio: ["ignore", "ignore", "pipe"] });
    const ended = new Promise((resolve) => child.on("exit", resolve));
    browsers.set(name, { child, ended });
    const browser = await chromium.connectOverCDP(await addressOf(child));
    browsers.set(name, { child, ended, browser });
  },
  // As a crash of the machine's memory, or an impatient user, ends it.
  async kill(name) {
    const { child, ended } = browsers.get(name);
    child.kill("SIGKILL");
    await ended;
  },
  // Open a page in the browser's own profile, or as somebody else who has just come.
  async open(window, name, address, isOther) {
    const { browser } = browsers.get(name);
    const context = isOther ? await browser.newContext() : browser.contexts()[0];
    const page = await opened(window, context);
    await page.goto(address);
    await page.waitForFunction(() => window.drive);
  },
  // Open any page. What it asks of other hosts it is given from files, by URL.
  async visit(window, name, address, files) {
    const page = await opened(window, await browsers.get(name).browser.newContext());
    for (const [url, path] of Object.entries(files)) {
      const headers = { "access-control-allow-origin": "*", "content-type": "text/javascript" };
      await page.route((asked) => asked.href === url, (route) => route.fulfill({ path, headers }));
    }
    await page.goto(address);
  },
  drive: async (window, command, given) =>
    windows.get(window).evaluate(([command, given]) => window.drive(command, ...given), [command, given]),
  evaluate: async (window, script) => windows.get(window).evaluate(script),
  count: async (window, selector) => windows.get(window).locator(selector).count(),
  screenshot: async (window, path) => windows.get(window).screenshot({ path }),
  errors: async () => errors,
};

createInterface({ input: process.stdin })
  .on("line", async (line) => {
    const { id, verb, args } = JSON.parse(line);
    const answer = await VERBS[verb](...args).then(
      (result) => ({ id, result: result ?? null }),
      (error) => ({ id, error: String(error) }),
    );
    console.log(JSON.stringify(answer));
  })
  .on("close", async () => {
    for (const { child } of browsers.values()) child.kill("SIGKILL");
    await Promise.all([...browsers.values()].map(({ ended }) => ended));
    process.exit();
  });
