// Stock Yjs documents, by name: commands as JSON lines on stdin, answers as JSON lines on stdout.
//
//   {"doc": "a", "apply": [base64]}   -> {"updates": [base64], "stateVector": base64}
//   {"doc": "a", "edit": […]}         -> the same; `edit` is a method of Y.Text and its arguments
//   {"doc": "a"}                      -> {"units": […], "isWhole": …, "stateVector": base64}
//   {"clear": true}                   -> {}, and all documents are gone
//
// The text is the prompt of the step that the argument names. A place is given as a fraction of the length, since only
// the document knows its length; it may lie within a surrogate pair.
import { createInterface } from 'node:readline'
import * as Y from 'yjs'

let docs = {}

function open (name) {
  const doc = new Y.Doc()
  const updates = []
  doc.on('update', (update, origin) => { if (origin !== 'other') updates.push(encoded(update)) })
  return { doc, updates }
}

function edit (doc, [verb, from, to, ...more]) {
  const text = textOf(doc)
  const [start, stop] = [from, to].map((one) => Math.floor(one * (text.length + 1))).sort((a, b) => a - b)
  if (verb === 'insert') text.insert(start, ...more)
  else if (verb === 'insertEmbed') text.insertEmbed(start, ...more)
  else if (verb === 'delete') text.delete(start, Math.min(stop, text.length) - start)
  else if (stop > start) text.format(start, Math.min(stop, text.length) - start, ...more)
}

const textOf = (doc) => doc.getMap('steps').get(process.argv[2]).get('config').get('prompt')

// Without formats: Yjs cleans those up alone, and replicas may differ in them.
function unitsOf (doc) {
  const parts = []
  for (const { insert } of textOf(doc).toDelta()) {
    const last = parts.length - 1
    if (typeof insert === 'string' && typeof parts[last] === 'string') parts[last] += insert
    else parts.push(insert)
  }
  return JSON.parse(JSON.stringify(parts).replace(/\\\\|\\ud[89a-f]../g, (one) => one === '\\\\' ? one : '\\ufffd'))
}

const encoded = (update) => Buffer.from(update).toString('base64')
const decoded = (text) => new Uint8Array(Buffer.from(text, 'base64'))

function answer ({ doc: name, apply, edit: change, clear }) {
  if (clear) {
    docs = {}
    return {}
  }
  const { doc, updates } = docs[name] ??= open(name)
  if (apply) for (const update of apply) Y.applyUpdate(doc, decoded(update), 'other')
  if (change) doc.transact(() => change.forEach((one) => edit(doc, one)))
  const stateVector = encoded(Y.encodeStateVector(doc))
  if (apply || change) return { updates: updates.splice(0), stateVector }
  return { units: unitsOf(doc), stateVector, isWhole: !doc.store.pendingStructs && !doc.store.pendingDs }
}

for await (const line of createInterface({ input: process.stdin })) {
  let reply
  try { reply = answer(JSON.parse(line)) } catch (error) { reply = { error: String(error.stack) } }
  process.stdout.write(JSON.stringify(reply) + '\n')
}
