import { existsSync, readdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { defineConfig } from 'vitest/config'
import { SkipReporter } from './scripts/skip-reporter.ts'

// A new package needs no line here: each folder with a manifest is a project named after it.
const folders = [
  ...readdirSync(join(import.meta.dirname, 'packages')).map((name) => `packages/${name}`),
  'testing',
  'integration',
  'examples',
  'scripts',
]
const projects = folders.filter((folder) => existsSync(join(import.meta.dirname, folder, 'package.json')))

export default defineConfig({
  // Tests run the sources, so that nothing needs building first: here for what vitest transforms, below for what tests spawn or load themselves.
  ssr: { resolve: { conditions: ['@keyfold/source'] } },
  test: {
    reporters: ['default', new SkipReporter()],
    execArgv: ['--conditions=@keyfold/source'],
    // Several tests start servers; on a busy machine five seconds, the default, do not always do.
    testTimeout: 30_000,
    // One process runs file after file: to start one and load everything anew for each takes a fifth of the time in all.
    isolate: false,
    setupFiles: [join(import.meta.dirname, 'scripts', 'put-back.ts')],
    // All processors: many tests wait for a server or a process of theirs, and vitest by itself leaves one idle.
    maxWorkers: availableParallelism(),
    projects: projects.map((folder) => ({
      extends: true,
      test: {
        name: folder.replace('packages/', ''),
        root: folder,
        include: ['**/*.test.ts'],
        exclude: ['**/node_modules/**', '**/dist/**'],
      },
    })),
  },
})
