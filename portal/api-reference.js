// Requests that are tried go with the portal's session when somebody is signed in, else with the key one gives.
let csrf = ''
fetch('/api/v1/session').then((r) => (r.ok ? r.json() : null)).then((s) => (csrf = s ? s.csrf_token : ''))
window.SwaggerUIBundle({
  url: '/api/v1/openapi.json', dom_id: '#reference', deepLinking: true, docExpansion: 'none', filter: true, tryItOutEnabled: false, validatorUrl: null,
  requestInterceptor: (request) => {
    if (csrf && !request.headers.Authorization) request.headers['X-CSRF-Token'] = csrf
    return request
  },
})
