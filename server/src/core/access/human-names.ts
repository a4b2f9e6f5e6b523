import type { UserId } from '../ids.ts'
import type { Randomness } from '../ports/randomness.ts'

/** A fresh id that people can read out: `kuid-<adjective>-<name>-<number>`. Not unpredictable, and may be taken. */
export function humanUserId(randomness: Randomness): UserId {
  const [high = 0, low = 0, ...digits] = randomness.bytes(6)
  const adjective = ADJECTIVES[high % ADJECTIVES.length]
  const name = NAMES[low % NAMES.length]
  const number = digits.reduce((sum, byte) => sum * 256 + byte, 0) % 100_000
  return `kuid-${adjective}-${name}-${number}` as UserId
}

/** A fresh id that nobody can guess. */
export function uuidUserId(randomness: Randomness): UserId {
  return `kuid-${randomness.uuid()}` as UserId
}

const ADJECTIVES =
  `able agile amber ample arctic autumn balmy bold brave breezy bright brisk bronze calm candid careful cheerful
  civil clear clever coastal copper coral cosmic crisp curious dapper daring deep dusty eager early easy elder
  fair faithful fearless fine fleet fond frank free fresh friendly frosty gentle glad golden graceful grand green
  handy happy hardy honest humble jolly keen kind lively loyal lucid lucky lunar mellow merry mild modest noble
  patient placid plucky polite proud quick quiet rapid ready rustic sandy serene sharp silent silver sincere snowy
  solar steady sturdy sunny swift tidy tranquil trusty upbeat velvet vivid warm willing windy wise witty`.split(
    /\s+/,
  )

const NAMES =
  `acacia alder antelope aspen badger bamboo beaver birch bison cedar chestnut clover comet condor coral cougar
  crane cypress dahlia dolphin dragonfly eagle elm falcon fern finch fox gazelle gecko ginkgo glacier hare harbor
  hawk hazel heron hickory holly ibis iris island ivy jaguar jasmine juniper kestrel kiwi koala lagoon larch lark
  lemur lilac lily linden lotus lynx magnolia mango maple marmot meadow mimosa moth myrtle narwhal nutmeg oak
  ocelot olive orchid otter owl panda peach pelican penguin peony pepper pine plover poplar puffin quail raven
  reef robin rowan saffron sequoia sparrow spruce squirrel starling swan tapir thistle tulip walnut willow wren`.split(
    /\s+/,
  )
