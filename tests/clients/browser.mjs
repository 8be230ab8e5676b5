// Opens the example in two windows and edits in both. Arguments: the program, the page's address,
// playwright-core. Prints what it saw as JSON.
const [program, page, playwright] = process.argv.slice(2)
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
  console.log(JSON.stringify({ before, added, moved: dragged !== start, cursor, people, errors }))
} catch (error) {
  console.error(error, errors)
  process.exitCode = 1
} finally {
  await browser.close()
}
