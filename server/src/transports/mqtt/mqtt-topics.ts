/** Which topics are whose. */
export type MqttTopics = {
  readonly requestTopic: string
  readonly responseTopic: string
  /** Topics besides `responseTopic` on which only the server speaks. */
  readonly serverTopics: readonly string[]
  readonly allowPubSub: boolean
}

/** Whether a client may publish a message; a retained request would be a request that nobody makes. */
export function mayPublish(topics: MqttTopics, topic: string, retain: boolean): boolean {
  if (topic === topics.requestTopic) return !retain
  return isFree(topics, topic)
}

/** Whether a client may leave a will: never on the request topic, for nobody is left to read the answer. */
export function mayLeaveWill(topics: MqttTopics, topic: string): boolean {
  return topic !== topics.requestTopic && isFree(topics, topic)
}

/** Whether a client may subscribe: to one topic at a time, and never to what others ask. */
export function maySubscribe(topics: MqttTopics, topic: string): boolean {
  return topic !== topics.requestTopic && isPlain(topic)
}

/** A topic on which clients speak to each other. */
function isFree(topics: MqttTopics, topic: string): boolean {
  if (!topics.allowPubSub || !isPlain(topic)) return false
  return topic !== topics.responseTopic && !topics.serverTopics.includes(topic)
}

/** Without wildcards, and not one of the broker's own topics, which tell the ids of other clients. */
function isPlain(topic: string): boolean {
  return !topic.includes('#') && !topic.includes('+') && !topic.startsWith('$')
}
