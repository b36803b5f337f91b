import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

// `npm run dev` proxies the API to a server that `make run` started.
export default defineConfig({
  plugins: [react()],
  build: { chunkSizeWarningLimit: 1600 },
  server: {
    fs: { allow: ['..'] }, // ../docs/cookbook
    proxy: { '/api': 'http://127.0.0.1:8080', '/call-data': 'http://127.0.0.1:8080' },
  },
})
