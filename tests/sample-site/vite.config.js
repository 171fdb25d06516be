import { defineConfig } from 'vite'

// Says in every page which release it is of, so that a check from outside can tell what is live.
const release = {
  name: 'release',
  transformIndexHtml: () => [{ tag: 'meta', attrs: { name: 'release', content: process.env.SITE_RELEASE || 'sample' }, injectTo: 'head' }],
}

export default defineConfig({ base: process.env.BASE || '/', plugins: [release] })
