// What OpenAPI definitions look like before they are compiled to `Schema` nodes.

/** A node as `facts/openapi-schemas.json` writes it. */
export interface OpenApiNode {
  readonly [extension: `x-kubernetes-${string}`]: unknown;
  readonly $ref?: string;
  readonly allOf?: readonly OpenApiNode[];
  readonly oneOf?: readonly OpenApiNode[];
  readonly type?: string;
  readonly format?: string;
  readonly enum?: readonly unknown[];
  readonly default?: unknown;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, OpenApiNode>>;
  readonly additionalProperties?: OpenApiNode | boolean;
  readonly items?: OpenApiNode;
}

export type Definitions = Readonly<Record<string, OpenApiNode>>;
