/// <reference types="vite/client" />

declare module "swagger-ui-dist/swagger-ui-es-bundle.js" {
  /** The options of https://swagger.io/docs/open-source-tools/swagger-ui/usage/configuration that are used. */
  const SwaggerUIBundle: (options: {
    url: string;
    domNode: Element;
    validatorUrl: null;
    onComplete: () => void;
    tryItOutEnabled: boolean;
    requestInterceptor: (request: { url: string; headers: Record<string, string> }) => unknown;
  }) => unknown;
  export default SwaggerUIBundle;
}
