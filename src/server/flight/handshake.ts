/**
 * Handshake where no authentication is configured: it succeeds, for any credentials or none.
 *
 * One empty response, and no token: a client that asks for one gets none, and works without. Some
 * clients send a message and wait, others only half-close, so whichever comes first is answered;
 * OK waits for the half-close, because ending earlier reads as a cancelled call to some.
 */
import type { ServerDuplexStream } from '@grpc/grpc-js'
import type { WireHandshake } from './contract.ts'

export function handshake(call: ServerDuplexStream<WireHandshake, WireHandshake>): void {
  let isAnswered = false
  const answer = () => {
    if (!isAnswered && !call.destroyed) call.write({ payload: new Uint8Array(0) })
    isAnswered = true
  }
  call.on('data', answer)
  call.on('end', () => {
    answer()
    if (!call.destroyed) call.end()
  })
}
