import { Aedes, type AedesOptions, type Client, type PublishPacket } from 'aedes'

/** An MQTT broker that hands what clients publish on one topic to a function instead of distributing it. */
export class RequestBroker extends Aedes {
  readonly #requestTopic: string
  readonly #onRequest: (client: Client, text: string) => void

  constructor(
    options: AedesOptions,
    requestTopic: string,
    onRequest: (client: Client, text: string) => void,
  ) {
    super(options)
    this.#requestTopic = requestTopic
    this.#onRequest = onRequest
  }

  /**
   * Called by the broker for each message once, authorized and, with QoS 2, freed of repetitions.
   *
   * Requests must not enter its distribution: one subscriber of some other topic who does not read holds that up
   * for everybody.
   */
  override publish(packet: PublishPacket, sender: Client | null | Done, done?: Done): void {
    if (typeof sender === 'function') {
      super.publish(packet, sender)
      return
    }
    if (sender !== null && packet.topic === this.#requestTopic) {
      this.#onRequest(sender, packet.payload.toString())
      done?.()
      return
    }
    // The published type of this method leaves out the sender.
    Reflect.apply(super.publish, this, [packet, sender, done])
  }
}

type Done = (error?: Error) => void
