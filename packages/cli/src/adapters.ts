import { createRequire } from 'node:module'
import { type Adapter, KeyfoldError } from '@keyfold/core'
import { local } from '@keyfold/core/local'
import { systemCode } from './failure.ts'
import { formatTable } from './table.ts'

/** Which package has a scheme's keys, and under which name it exports its adapter. */
interface AdapterPackage {
  readonly scheme: string
  readonly packageName: string
  readonly exportName: string
}

/** The adapters that are packages of their own: installed beside the command by whoever needs them. */
export const adapterPackages: readonly AdapterPackage[] = [
  { scheme: 'awskms', packageName: '@keyfold/aws', exportName: 'aws' },
  { scheme: 'gcpkms', packageName: '@keyfold/gcp', exportName: 'gcp' },
  { scheme: 'azurekeyvault', packageName: '@keyfold/azure', exportName: 'azure' },
  { scheme: 'hashivault', packageName: '@keyfold/vault', exportName: 'vault' },
]

/** Says in help texts which schemes there are, and what is to be installed for them. */
export const adapterHelp: string = `Keys of a service need their package, installed where keyfold itself is:
  $ npm install --global keyfold @keyfold/aws

${formatTable([['local://', '(keyfold itself)'], ...adapterPackages.map(({ scheme, packageName }) => [`${scheme}://`, packageName])], '  ')}`

/** Gives what a package exports, or undefined where it is not installed. What the package itself throws is passed on. */
export type LoadPackage = (packageName: string) => Promise<object | undefined>

/** What a scheme's adapter is made with. */
export interface AdapterTerms {
  /** Opens sealed key files. */
  readonly passphrase: string | undefined
  readonly loadPackage: LoadPackage
}

/**
 * The adapter that has a scheme's keys. Its package is loaded here, and not before.
 *
 * @throws KeyfoldError `UNSUPPORTED` for a scheme that there is not, a package that is not installed, and one without the
 *   adapter; `UNKNOWN` for one that is installed and cannot be loaded
 */
export async function loadAdapter(scheme: string, { passphrase, loadPackage }: AdapterTerms): Promise<Adapter> {
  if (scheme === 'local') return local({ passphrase })
  const row = adapterPackages.find((each) => each.scheme === scheme)
  if (row === undefined) {
    const known = ['local', ...adapterPackages.map((each) => each.scheme)].join(', ')
    throw new KeyfoldError('UNSUPPORTED', `the scheme ${scheme} is not supported: this version has ${known}`)
  }
  const { packageName, exportName } = row
  const exported = await load(packageName, loadPackage)
  if (exported === undefined) {
    const advice = `npm install ${packageName} (with --global if keyfold is installed so)`
    throw new KeyfoldError('UNSUPPORTED', `${scheme}: its package ${packageName} is not installed: ${advice}`)
  }
  const adapter: unknown = Object.hasOwn(exported, exportName) ? Reflect.get(exported, exportName) : undefined
  // Cast: a function under this name is what the package promises, and makes an Adapter.
  if (typeof adapter === 'function') return (adapter as () => Adapter)()
  const advice = 'install the version that goes with this keyfold'
  throw new KeyfoldError('UNSUPPORTED', `${packageName}: it is installed, but exports no ${exportName}: ${advice}`)
}

/** The packages that are installed where this command is, or in a folder above it, whatever the working directory. */
export const loadInstalled: LoadPackage = async (packageName) => {
  if (!isInstalled(packageName)) return undefined
  return import(packageName)
}

/** By its manifest: that its code, or a package that this needs, is missing is another failure. */
function isInstalled(packageName: string): boolean {
  try {
    createRequire(import.meta.url).resolve(`${packageName}/package.json`)
    return true
  } catch (error) {
    if (systemCode(error) === 'MODULE_NOT_FOUND') return false
    throw error
  }
}

async function load(packageName: string, loadPackage: LoadPackage): Promise<object | undefined> {
  try {
    return await loadPackage(packageName)
  } catch (cause) {
    const advice = 'look at its installation, such as with npm ls'
    const text = `${packageName}: it is installed, but cannot be loaded (${reasonOf(cause)}): ${advice}`
    throw new KeyfoldError('UNKNOWN', text, { cause })
  }
}

/** Node's own words on what it cannot load, which name packages and files. Of other errors nobody knows what they show. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return typeof error
  const isNodes = /^(ERR_|MODULE_NOT_FOUND$)/.test(systemCode(error) ?? '') || error instanceof SyntaxError
  return isNodes ? (error.message.split('\n')[0] ?? error.name) : error.name
}
