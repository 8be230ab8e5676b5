// Opens the example in two windows and edits in both, and in a browser that is started again and
// again. Arguments: the program, the page's address, playwright-core, a folder for that browser.
// Prints what it saw as JSON.
const [program, page, playwright, profile] = process.argv.slice(2)
const { chromium } = (await import(playwright)).default
const browser = await chromium.launch({ executablePath: program, args: ["--no-sandbox"] })
const errors = []

async function open() {
  const window = await (await browser.newContext()).newPage()
  window.on("pageerror", (error) => errors.push(String(error)))
  window.on("console", (message) => message.type() === "error" && errors.push(message.text()))
  await window.goto(page)
  await window.waitForSelector(".react-flow__node")
  return window
}

const names = (window) => window.$$eval(".react-flow__node", (nodes) => nodes.map((node) => node.textContent))
const saved = (window) => window.waitForFunction(() => document.querySelector("output")?.textContent === "saved")
const placeOf = (window, name) =>
  window.evaluate((name) => {
    const node = [...document.querySelectorAll(".react-flow__node")].find((each) => each.textContent === name)
    return node?.style.transform
  }, name)

// A browser with a profile, in which the server cannot be reached unless it is online.
async function restarted(isOnline, use) {
  const context = await chromium.launchPersistentContext(profile, { executablePath: program, args: ["--no-sandbox"] })
  const window = await context.newPage()
  if (!isOnline) await window.routeWebSocket(/collab/, (socket) => socket.close())
  await window.goto(page)
  await window.waitForSelector(".react-flow__node")
  const shows = (wanted) => window.waitForFunction((wanted) => document.querySelector("output")?.textContent === wanted, wanted)
  await use(window, shows)
  await context.close()
}

async function editOffline(other) {
  await restarted(true, (_, shows) => shows("saved"))
  await restarted(false, async (window, shows) => {
    await shows("offline")
    await window.click("text=Add step")
    await shows("offline (1)")
  })
  await restarted(false, (_, shows) => shows("offline (1)"))
  const count = (await names(other)).length
  await restarted(true, async (_, shows) => {
    await shows("saved")
    await other.waitForFunction((count) => document.querySelectorAll(".react-flow__node").length > count, count)
  })
}

try {
  const [one, other] = [await open(), await open()]
  await Promise.all([saved(one), saved(other)])
  const before = await names(one)
  await one.click("text=Add step")
  await other.waitForFunction((count) => document.querySelectorAll(".react-flow__node").length > count, before.length)
  await saved(one)
  const after = await names(other)
  const added = after.find((name) => !before.includes(name))
  // A drag is seen by the other window while it lasts, and stays when it has ended.
  const handle = one.locator(".react-flow__node", { hasText: new RegExp(`^${added}$`) }).last()
  const box = await handle.boundingBox()
  const start = await placeOf(other, added)
  await one.mouse.move(box.x + box.width / 2, box.y + box.height / 2)
  await one.mouse.down()
  await one.mouse.move(box.x + 120, box.y + 90, { steps: 8 })
  await other.waitForFunction(
    ([name, start]) => {
      const node = [...document.querySelectorAll(".react-flow__node")].find((each) => each.textContent === name)
      return node && node.style.transform !== start
    },
    [added, start],
  )
  await one.mouse.up()
  await saved(one)
  await other.waitForSelector(".pipeloom-cursor")
  const cursor = await other.textContent(".pipeloom-cursor")
  const people = await other.$$eval(".other", (all) => all.map((each) => each.textContent))
  await one.waitForFunction(() => !document.querySelector("button:nth-of-type(2)").disabled)
  const dragged = await placeOf(other, added)
  await one.click("text=Undo")
  await other.waitForFunction(
    ([name, dragged]) => {
      const node = [...document.querySelectorAll(".react-flow__node")].find((each) => each.textContent === name)
      return !node || node.style.transform !== dragged
    },
    [added, dragged],
  )
  await saved(one)
  await editOffline(other)
  console.log(JSON.stringify({ before, added, moved: dragged !== start, cursor, people, errors }))
} catch (error) {
  console.error(error, errors)
  process.exitCode = 1
} finally {
  await browser.close()
}
