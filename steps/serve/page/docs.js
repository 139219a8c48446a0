// Starts Swagger UI. Paths are relative, so that the page also works below a prefix.

import { address, key } from './api.js';

const ui = SwaggerUIBundle({
  dom_id: '#reference',
  url: address('openapi.json'),
  deepLinking: true,
  displayRequestDuration: true,
  tryItOutEnabled: true,
  validatorUrl: null,  // it is on the internet
  onComplete: () => key() && ui.preauthorizeApiKey('ApiKey', key()),
});
