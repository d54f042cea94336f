/**
 * One thing that tests need and npm does not bring: a real server, or another implementation to talk to. A row of data;
 * `resolve.ts` knows what to do with it.
 */
export interface ServerRow {
  /** Names it in messages, and its folder in the cache. */
  readonly name: string
  /** The environment variable that may name its executable, which then wins over everything. */
  readonly variable: string
  /** What it is called on PATH, where an executable found there is as good as ours. */
  readonly command?: string
  /** What is installed, exactly. Its hash names the cached installation, so a changed pin is a new one. */
  readonly lockFile: URL
  /** Where the executable is inside the installation. */
  readonly executable: string
  /** On a machine of two cores. Up to a minute a plain `npm test` installs it; what takes longer waits to be asked for. */
  readonly installSeconds: number
  /**
   * Commands that install it into the folder, in order. The folder is renamed afterwards: nothing in it that is used
   * later may contain its path (of a Python environment the interpreter may be used, the scripts may not).
   */
  steps(folder: string): readonly Step[]
  /** Arguments with which the executable ends with code 0 when the installation is sound; quick, as it is often run. */
  readonly check: readonly string[]
}

export interface Step {
  readonly command: string
  readonly args: readonly string[]
}
