// A Hocuspocus server as its documentation starts it, keeping documents in memory.
import { Server } from '@hocuspocus/server'

const server = new Server({ port: 0, address: '127.0.0.1', quiet: true })
await server.listen()
console.log(`ready at http://127.0.0.1:${server.address.port}/`)
