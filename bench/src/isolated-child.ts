import { warmUp } from './measure.ts'
import type { ContenderName } from './work.ts'
import { works } from './works.ts'

/* One contender of one work: says 0 when it is warm, and a sample's seconds whenever it is asked. Ends with its parent. */

const [workName, contenderName] = process.argv.slice(2)
const work = (await works()).find(({ name }) => name === workName)
const make = work?.contenders[contenderName as ContenderName] // checked below
if (make === undefined) throw new Error(`no ${contenderName} in ${workName}`)
const runner = await warmUp(await make())
process.on('message', async () => process.send?.(await runner.sample()))
process.send?.(0)
