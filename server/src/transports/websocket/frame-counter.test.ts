import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FrameCounter } from './frame-counter.ts'

type Frame = {
  readonly final: boolean
  readonly opcode: number
  readonly masked: boolean
  readonly length: number
}

function frameBytes({ final, opcode, masked, length }: Frame): Buffer {
  const maskBit = masked ? 0x80 : 0
  const header = Buffer.alloc(10)
  header[0] = (final ? 0x80 : 0) | opcode
  let headerLength = 2
  if (length < 126) {
    header[1] = maskBit | length
  } else if (length < 65_536) {
    header[1] = maskBit | 126
    header.writeUInt16BE(length, 2)
    headerLength = 4
  } else {
    header[1] = maskBit | 127
    header.writeBigUInt64BE(BigInt(length), 2)
    headerLength = 10
  }
  // A payload of 0xff looks like final frames wherever the counter should lose its place.
  return Buffer.concat([header.subarray(0, headerLength), Buffer.alloc(length + (masked ? 4 : 0), 0xff)])
}

/** Payload of the message that the frames leave unfinished. */
function unfinished(frames: readonly Frame[]): number {
  let bytes = 0
  for (const { opcode, final, length } of frames) {
    if (opcode < 8) bytes = final ? 0 : bytes + length
  }
  return bytes
}

/** How often a message of the frames had one frame too many, worked out without the bytes. */
function excess(frames: readonly Frame[], max: number): number {
  let open = 0
  let count = 0
  for (const frame of frames) {
    if (frame.opcode >= 8) continue
    open = frame.final ? 0 : open + 1
    if (open > max) count += 1
  }
  return count
}

test('counts the frames and bytes of each message, in whatever pieces the bytes arrive', () => {
  const frame = fc.record({
    final: fc.boolean(),
    opcode: fc.constantFrom(0, 1, 2, 8, 9, 10),
    masked: fc.boolean(),
    length: fc.oneof(fc.nat(10), fc.constantFrom(0, 125, 126, 127, 65_535, 65_536)),
  })
  fc.assert(
    fc.property(
      fc.array(frame, { maxLength: 20 }),
      fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 200 }),
      (frames, cuts) => {
        let exceeded = 0
        const counter = new FrameCounter(3, () => {
          exceeded += 1
        })
        let rest = Buffer.concat(frames.map(frameBytes))
        for (const cut of cuts) {
          counter.take(rest.subarray(0, cut))
          rest = rest.subarray(cut)
        }
        counter.take(rest)
        assert.equal(exceeded, excess(frames, 3))
        assert.equal(counter.messageBytes, unfinished(frames))
      },
    ),
    { numRuns: 300 },
  )
})

test('counts the bytes of a frame as they arrive', () => {
  const counter = new FrameCounter(3, () => {})
  const frame = frameBytes({ final: true, opcode: 1, masked: true, length: 70_000 })
  counter.take(frame.subarray(0, 40_014))
  assert.equal(counter.messageBytes, 40_000)
  counter.take(frame.subarray(40_014))
  assert.equal(counter.messageBytes, 0)
})
