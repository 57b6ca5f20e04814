// What `kubectl explain` prints. Loaded with the OpenAPI documents only: nothing else of the server needs the prose.
import facts from '../../api/facts/descriptions.json' with { type: 'json' };

type Json = { [field: string]: unknown };

/** Per definition: field → place of its text; '' is the definition's own. */
const places = facts.definitions as unknown as Readonly<Record<string, Readonly<Record<string, number>>>>;

/** A copy of the definition with the descriptions of itself and its fields. */
export function described(name: string, definition: Json): Json {
  const { '': own, ...ofFields } = places[name] ?? {};
  const properties = { ...(definition.properties as Json | undefined) };
  for (const [field, place] of Object.entries(ofFields)) {
    properties[field] = { description: facts.texts[place], ...(properties[field] as Json) };
  }
  return {
    ...(own !== undefined && { description: facts.texts[own] }),
    ...definition,
    ...(definition.properties !== undefined && { properties }),
  };
}
