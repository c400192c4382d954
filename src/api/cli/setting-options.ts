/** The settings of a role as options of its command, all from one table (`cluster/roles/settings.ts`). */
import { type Command, Option } from 'commander';
import { fileFlag, fileVariable, settingsOf, type Setting, type Settled } from '../../cluster/roles/settings.ts';

/** Adds them to a command. Values stay as they were written: they are checked together with those of other sources. */
export function addSettingOptions(command: Command, settled: Settled): Command {
  command.option(`${fileFlag} <file>`, `JSON file of settings (environment: ${fileVariable})`);
  for (const setting of settingsOf(settled)) {
    const { flag, about, limit, byDefault } = setting;
    command.addOption(new Option(`${flag} ${placeholder(setting)}`, `${about} (${limit}; default: ${byDefault})`));
  }
  return command.addHelpText('after', epilogue);
}

function placeholder({ field, limit }: Setting): string {
  if (limit === 'true or false') return '[true|false]';
  if (/^(tcp|http):/.test(limit)) return '<address>';
  if (!limit.startsWith('whole number')) return field === 'dataDir' ? '<directory>' : `<${/[A-Z]?[a-z]+$/.exec(field)?.[0].toLowerCase()}>`;
  if (field.endsWith('Ms')) return '<ms>';
  return field.endsWith('MiB') ? '<mib>' : field.endsWith('Bytes') ? '<bytes>' : '<n>';
}

const epilogue = `
Each of these settings may also be given as a variable of the environment (--arena-bytes: PHEROMONE_ARENA_BYTES) or as a field of the
--config file (arenaBytes). The command line has precedence over the environment, and the environment over the file. One file may
serve all processes: a coordinator takes no notice of settings of executors and of the object store.`;
