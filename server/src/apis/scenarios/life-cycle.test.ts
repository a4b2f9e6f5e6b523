import { describeLifeCycle } from './life-cycle-scenarios.ts'

describeLifeCycle('', async () => undefined)
