import { defineConfig } from 'vite'

// Says in every page, and in a file of its own, which release it is of, so that a check from outside can tell what is live.
const commit = process.env.SITE_RELEASE || 'sample'
const release = {
  name: 'release',
  transformIndexHtml: () => [{ tag: 'meta', attrs: { name: 'release', content: commit }, injectTo: 'head' }],
  generateBundle() { this.emitFile({ type: 'asset', fileName: 'version.json', source: JSON.stringify({ release: commit }) }) },
}

export default defineConfig({ base: process.env.BASE || '/', plugins: [release] })
