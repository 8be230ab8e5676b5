// The server that comes with y-websocket 2, keeping documents in memory.
import http from 'node:http'
import { setupWSConnection } from 'y-websocket/bin/utils'
import WebSocket from 'ws'

const server = http.createServer()
new WebSocket.Server({ server }).on('connection', setupWSConnection)
server.listen(0, '127.0.0.1', () => {
  console.log(`ready at http://127.0.0.1:${server.address().port}/`)
})
