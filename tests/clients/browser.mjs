// Opens the example in two windows and edits in both, and listens to events. Arguments: the browser's
// program, the page's address, playwright-core, a switch of it. Prints what it saw as JSON.
import { connect, createServer } from "node:net"

const [program, page, playwright, lean] = process.argv.slice(2)
const { chromium } = (await import(playwright)).default
const browser = await chromium.launch({ executablePath: program, args: ["--no-sandbox", lean] })
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

// A way to the server that can be cut.
async function wayTo(url) {
  const { port, hostname } = new URL(url)
  const sockets = new Set()
  const way = createServer((socket) => {
    const server = connect(port, hostname)
    sockets.add(socket.on("error", () => server.destroy()))
    server.on("error", () => socket.destroy())
    socket.pipe(server).pipe(socket)
  })
  await new Promise((resolve) => way.listen(0, "127.0.0.1", resolve))
  const cut = () => sockets.forEach((socket) => socket.destroy())
  return { url: `http://127.0.0.1:${way.address().port}`, cut, close: () => (cut(), way.close()) }
}

// Server-sent events of a pipeline of its own, on a connection that is cut.
async function listen() {
  const context = await browser.newContext()
  const window = await context.newPage()
  await window.goto(page)
  await window.addScriptTag({ url: "rest.js" })
  const { url, token } = Object.fromEntries(new URLSearchParams(page.split("#")[1]))
  const way = await wayTo(url)
  await window.evaluate(async ({ url, token }) => {
    const client = rest.restClient({ url, token: () => token })
    const [team] = (await client.teams()).items
    const { id } = await client.pipelines.create({ team_id: team.id, name: "listened to" })
    const seen = []
    const onEvent = ({ event, data }) => seen.push(data.content ?? event)
    rest.listen(client, id, { onEvent, onOpen: () => seen.push("open"), onEnd: ({ code }) => seen.push(code) })
    Object.assign(globalThis, { client, id, seen })
  }, { url: way.url, token })
  const sees = (count, last) =>
    window.waitForFunction(([count, last]) => seen.length >= count && seen.at(-1) === last, [count, last])
  await sees(1, "open")
  await window.evaluate(() => client.comments.add(id, { content: "first" }))
  await sees(2, "first")
  way.cut()
  await sees(3, "open")
  await window.evaluate(() => client.comments.add(id, { content: "second" }))
  await sees(4, "second")
  await window.evaluate(() => client.pipelines.delete(id))
  await sees(6, "not_found")
  const seen = await window.evaluate(() => seen)
  await context.close()
  way.close()
  return seen
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
  const events = await listen()
  console.log(JSON.stringify({ before, added, moved: dragged !== start, cursor, people, events, errors }))
} catch (error) {
  console.error(error, errors)
  process.exitCode = 1
} finally {
  await browser.close()
}
