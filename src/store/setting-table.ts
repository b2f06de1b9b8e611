import type { SqlDatabase } from "./database.ts";
import type { SettingStore } from "./store.ts";

export function settingTable(database: SqlDatabase): SettingStore {
  const get = async (name: string): Promise<string | undefined> => {
    const [row] = await database.all("select value from setting where name = ?", [name]);
    return row === undefined ? undefined : String(row["value"]);
  };
  return {
    get,
    setOnce: async (name, value) => {
      await database.run("insert into setting (name, value) values (?, ?) on conflict (name) do nothing", [
        name,
        value,
      ]);
      return (await get(name)) ?? value;
    },
  };
}
