// What several people did to one Yjs document, from a seed, as stock Yjs encodes it: commands as
// JSON lines on stdin, answers as JSON lines on stdout.
//
//   {"history": 7}           -> {"updates": [base64], "content": …}
//   {"v2": 7}                -> {"updates": [base64]}, the same updates in format V2
//   {"state": [base64]}      -> {"update": base64}, all that a fresh document has that gets these
//   {"content": [base64]}    -> {"content": …, "isWhole": …} of a fresh document that gets these
import { createInterface } from 'node:readline'
import * as Y from 'yjs'

const STEPS = 40
const VALUES = [null, true, -1, 0, 2 ** 40, 1.5, 1e300, 'é😀', '', [1, [2]], { a: { b: null } }]
const PHRASES = ['weave', 'é', '😀', '織', '\n']
const FORMATS = [{ bold: true }, { bold: null }, { link: 'x', bold: true }]

// mulberry32
function random (seed) {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6D2B79F5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return (mixed ^ (mixed >>> 14)) >>> 0
  }
  const below = (limit) => next() % limit
  return { next, below, pick: (list) => list[below(list.length)], chance: (one) => below(one) === 0 }
}

class History {
  constructor (seed) {
    this.random = random(seed)
    this.updates = []
    this.stateVectors = []
    this.docs = Array.from({ length: 3 + this.random.below(3) }, () => this.newDoc())
    for (let step = 0; step < STEPS; step++) this.step()
  }

  newDoc () {
    const doc = new Y.Doc()
    doc.clientID = this.random.next()
    doc.on('update', (update) => this.updates.push(update))
    const roots = ['steps', 'list', 'text', 'xml'].map((name) => root(doc, name))
    const undo = new Y.UndoManager(roots, { captureTimeout: 0 })
    return { doc, undo }
  }

  step () {
    const { pick, below } = this.random
    const person = pick(this.docs)
    const act = below(20)
    if (act < 12) this.edit(person.doc)
    else if (act === 12) person.undo.undo()
    else if (act === 13) person.undo.redo()
    else if (act === 14) Y.applyUpdate(person.doc, Y.encodeStateAsUpdate(pick(this.docs).doc))
    else if (act === 15) this.hear(person.doc)
    else if (act === 16) this.stateVectors.push(Y.encodeStateVector(person.doc))
    else if (act === 17) this.updates.push(this.diff(person.doc))
    else if (act === 18) this.updates.push(this.merged())
    else if (this.random.chance(3)) this.reopen(person)
  }

  // A page that is closed and opened again hears of the document from somebody else.
  reopen (person) {
    const at = this.docs.indexOf(person)
    this.docs[at] = this.newDoc()
    Y.applyUpdate(this.docs[at].doc, Y.encodeStateAsUpdate(this.random.pick(this.docs).doc))
  }

  // Out of order: the document holds what waits, and encodes it with gaps.
  hear (doc) {
    for (let left = this.random.below(6); left > 0 && this.updates.length; left--) {
      Y.applyUpdate(doc, this.random.pick(this.updates))
    }
  }

  diff (doc) {
    if (!this.stateVectors.length) return Y.encodeStateAsUpdate(doc)
    const known = this.random.pick(this.stateVectors)
    if (this.random.chance(2) || !this.updates.length) return Y.encodeStateAsUpdate(doc, known)
    return Y.diffUpdate(this.merged(), known)
  }

  merged () {
    const count = Math.min(this.updates.length, 1 + this.random.below(5))
    const some = Array.from({ length: count }, () => this.random.pick(this.updates))
    return some.length ? Y.mergeUpdates(some) : Y.encodeStateAsUpdate(new Y.Doc())
  }

  edit (doc) {
    const edits = [editMap, editList, editText, editXml]
    doc.transact(() => {
      for (let left = 1 + this.random.below(3); left > 0; left--) this.random.pick(edits)(doc, this.random)
    })
  }

  outcome () {
    const contents = this.docs.map(({ doc }) => {
      for (const update of this.updates.slice()) Y.applyUpdate(doc, update)
      return contentOf(doc)
    })
    if (contents.some((each) => JSON.stringify(each) !== JSON.stringify(contents[0]))) {
      throw new Error('expected the Yjs documents to agree')
    }
    return contents[0]
  }
}

function root (doc, name) {
  if (name === 'steps') return doc.getMap(name)
  if (name === 'list') return doc.getArray(name)
  return name === 'text' ? doc.getText(name) : doc.getXmlFragment(name)
}

function newValue (random) {
  const make = random.pick([
    () => random.pick(VALUES), () => random.pick(VALUES), () => new Uint8Array([1, 2, 200]),
    () => new Y.Map([['made', random.below(100)]]), () => Y.Array.from([1, random.pick(VALUES)]),
    () => new Y.Text(random.pick(PHRASES))
  ])
  return make()
}

function inside (type, random) {
  const nested = [...type.values()].filter((each) => each instanceof type.constructor)
  return nested.length && random.chance(2) ? inside(random.pick(nested), random) : type
}

function editMap (doc, random) {
  const map = inside(doc.getMap('steps'), random)
  const key = random.pick(['a', 'b', 'c', 'd'])
  if (random.chance(4)) map.delete(key)
  else if (map.get(key) instanceof Y.Text) typeIn(map.get(key), random)
  else map.set(key, random.chance(3) ? new Y.Map() : newValue(random))
}

function editList (doc, random) {
  const list = { values: () => doc.getArray('list').toArray(), constructor: Y.Array }
  const nested = list.values().filter((each) => each instanceof Y.Array)
  const target = nested.length && random.chance(2) ? random.pick(nested) : doc.getArray('list')
  if (target.length && random.chance(3)) cut(target, random)
  else target.insert(random.below(target.length + 1), [newValue(random), random.pick(VALUES)])
}

function cut (type, random) {
  const at = random.below(type.length)
  type.delete(at, 1 + random.below(Math.min(3, type.length - at)))
}

function editText (doc, random) {
  typeIn(doc.getText('text'), random)
}

function typeIn (text, random) {
  const [from, to] = [boundary(text, random), boundary(text, random)].sort((a, b) => a - b)
  if (to > from && random.chance(3)) text.delete(from, to - from)
  else if (to > from && random.chance(2)) text.format(from, to - from, random.pick(FORMATS))
  else if (random.chance(8)) text.insertEmbed(from, { image: 'x' })
  else text.insert(from, random.pick(PHRASES), random.chance(3) ? { bold: true } : undefined)
}

// A place between characters: Yjs and other libraries differ in what half of one becomes.
function boundary (text, random) {
  const places = [0]
  for (const { insert } of text.toDelta()) {
    for (const one of typeof insert === 'string' ? insert : [' ']) {
      places.push(places[places.length - 1] + one.length)
    }
  }
  return random.pick(places)
}

function editXml (doc, random) {
  const fragment = doc.getXmlFragment('xml')
  const children = fragment.toArray()
  const child = children.length ? random.pick(children) : null
  if (child && random.chance(4)) fragment.delete(children.indexOf(child), 1)
  else if (child instanceof Y.XmlText) child.insert(0, random.pick(PHRASES))
  else if (child && random.chance(2)) child.setAttribute('k', String(random.below(9)))
  else fragment.insert(random.below(children.length + 1), [random.chance(2) ? new Y.XmlElement('p') : new Y.XmlText('t')])
}

// Without formats: Yjs cleans those up alone, and replicas may differ in them.
function contentOf (doc) {
  return sorted({
    steps: doc.getMap('steps').toJSON(),
    list: doc.getArray('list').toJSON(),
    text: doc.getText('text').toString(),
    xml: doc.getXmlFragment('xml').toString()
  })
}

// Replicas may differ in the order of keys.
function sorted (value) {
  if (value instanceof Uint8Array) return [...value]
  if (Array.isArray(value)) return value.map(sorted)
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(Object.keys(value).sort().map((key) => [key, sorted(value[key])]))
}

const encoded = (update) => Buffer.from(update).toString('base64')
const decoded = (text) => new Uint8Array(Buffer.from(text, 'base64'))

function answer ({ history, v2, content, state }) {
  if (v2 !== undefined) {
    return { updates: new History(v2).updates.map((each) => encoded(Y.convertUpdateFormatV1ToV2(each))) }
  }
  if (history !== undefined) {
    const made = new History(history)
    const updates = made.updates.map(encoded)
    return { updates, content: made.outcome() }
  }
  const doc = new Y.Doc()
  for (const update of content ?? state) Y.applyUpdate(doc, decoded(update))
  if (state !== undefined) return { update: encoded(Y.encodeStateAsUpdate(doc)) }
  return { content: contentOf(doc), isWhole: !doc.store.pendingStructs && !doc.store.pendingDs }
}

for await (const line of createInterface({ input: process.stdin })) {
  let reply
  try { reply = answer(JSON.parse(line)) } catch (error) { reply = { error: String(error.stack) } }
  process.stdout.write(JSON.stringify(reply) + '\n')
}
