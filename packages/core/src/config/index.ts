/** How the `holdfast` command comes by its backend, and says why: `import { chooseBackend } from '@holdfast/core/config'`. */
export { chooseBackend } from './choose.ts';
export type { BackendChoice, ChooseOptions, Wish } from './choose.ts';
export { openChoice } from './open.ts';
