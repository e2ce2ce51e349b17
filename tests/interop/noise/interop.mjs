// npm's noise-handshake against noise_peer, which is librp, live over a pipe: in both roles the
// same payloads, keys and handshake hash, and transport messages each way.
//
//     node interop.mjs FOLDER-WITH-NODE_MODULES NOISE_PEER

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import path from 'node:path'

const [modules, noisePeer] = process.argv.slice(2)
const require = createRequire(path.resolve(modules, 'package.json'))
const Noise = require('noise-handshake')
const Cipher = require('noise-handshake/cipher')

const prologue = Buffer.from('rp/1')
const TAG = 16
const LONGEST = 65535 - TAG

// Messages with their lengths in front, out of a stream of bytes.
async function * messagesOf (stream) {
  let bytes = Buffer.alloc(0)
  for await (const chunk of stream) {
    bytes = Buffer.concat([bytes, chunk])
    while (bytes.length >= 2 && bytes.length >= 2 + bytes.readUInt16BE(0)) {
      const end = 2 + bytes.readUInt16BE(0)
      yield bytes.subarray(2, end)
      bytes = bytes.subarray(end)
    }
  }
}

// A running noise_peer, and what it says on standard error, name by name.
class Peer {
  constructor (role) {
    this.child = spawn(noisePeer, [role])
    this.messages = messagesOf(this.child.stdout)
    this.stderr = ''
    this.child.stderr.on('data', (chunk) => { this.stderr += chunk })
    this.child.stdin.on('error', () => {}) // told by its status
    this.ended = once(this.child, 'close')
  }

  send (message) {
    const length = Buffer.alloc(2)
    length.writeUInt16BE(message.length)
    this.child.stdin.write(Buffer.concat([length, message]))
  }

  async receive () {
    const { value, done } = await this.messages.next()
    assert(!done, `noise_peer has ended: ${this.stderr}`)
    return value
  }

  async end () {
    this.child.stdin.end()
    const [status] = await this.ended
    return status
  }

  said (what) {
    return this.stderr.split('\n').filter((line) => line.startsWith(`${what} `))
      .map((line) => line.slice(what.length + 1))
  }
}

// The payloads that came. Each message but the first carries one, as on a link.
async function shakeHands (handshake, peer) {
  const read = []
  for (let turn = 0; turn < 3; turn++) {
    if ((turn % 2 === 0) === handshake.initiator) {
      peer.send(handshake.send(Buffer.from(turn === 0 ? '' : 'npm')))
    } else {
      read.push(Buffer.from(handshake.recv(await peer.receive())).toString())
    }
  }
  assert(handshake.complete)
  return read
}

function begin (initiator, withPrologue = prologue) {
  const handshake = new Noise('XX', initiator)
  handshake.initialise(withPrologue)
  return [handshake, new Peer(initiator ? 'responder' : 'initiator')]
}

async function run (initiator) {
  const [handshake, peer] = begin(initiator)
  const ourStatic = Buffer.from(handshake.s.publicKey).toString('hex')
  const payloads = await shakeHands(handshake, peer)
  assert.deepEqual(payloads, initiator ? ['responder'] : ['', 'initiator'])

  const tx = new Cipher(handshake.tx)
  const rx = new Cipher(handshake.rx)
  for (const size of [5, 0, 1, 64, 1000, LONGEST, ...Array(300).fill(17)]) {
    const plain = Buffer.alloc(size, size)
    const sealed = tx.encrypt(plain)
    assert.equal(sealed.length, size + TAG)
    peer.send(sealed)
    const back = await peer.receive()
    assert.notDeepEqual(back, sealed) // under the other direction's key
    assert.deepEqual(rx.decrypt(back), plain)
  }
  assert.equal(await peer.end(), 0, peer.stderr)
  assert.deepEqual(peer.said('payload'), (initiator ? ['', 'npm'] : ['npm']).map(hex))
  assert.deepEqual(peer.said('remote'), [ourStatic])
  assert.deepEqual(peer.said('static'), [Buffer.from(handshake.rs).toString('hex')])
  assert.deepEqual(peer.said('hash'), [Buffer.from(handshake.hash).toString('hex')])
}

function hex (text) {
  return Buffer.from(text).toString('hex')
}

// That they agree must not be because nothing is checked.
async function runAltered (initiator) {
  const [other, refusing] = begin(initiator, Buffer.from('rp/2'))
  await assert.rejects(shakeHands(other, refusing))
  await refusing.end()

  const [handshake, peer] = begin(initiator)
  await shakeHands(handshake, peer)
  const sealed = new Cipher(handshake.tx).encrypt(Buffer.from('altered'))
  sealed[3] ^= 1
  peer.send(sealed)
  assert.equal(await peer.end(), 1)
}

for (const initiator of [true, false]) {
  await run(initiator)
  await runAltered(initiator)
  console.log(`noise-handshake as ${initiator ? 'initiator' : 'responder'}: the same`)
}
