/** The documentation of the API: Swagger UI from this origin, signed in as the page is. */
import SwaggerUIBundle from "swagger-ui-dist/swagger-ui-es-bundle.js";
import "swagger-ui-dist/swagger-ui.css";
import "./theme/tokens.css";
import "./apiDocs.css";
import { token } from "./session/token";

SwaggerUIBundle({
  url: "/api/openapi.json",
  domNode: document.getElementById("root")!,
  // It would send the schema to a service elsewhere.
  validatorUrl: null,
  tryItOutEnabled: true,
  onComplete: () => document.getElementById("servers")?.setAttribute("aria-label", "Server"),
  requestInterceptor: async (request) => {
    const own = await token();
    if (own !== null) request.headers["Authorization"] ??= `Bearer ${own}`;
    return request;
  },
});
