// What programs that we start as root get of our environment.

/** root's PATH need not have the directories of administration (su without -). */
const SYSTEM = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];
/**
 * With these variables our caller decides what a shell runs or believes; bash takes functions
 * from them.
 */
const FOR_SHELLS = /^(BASH_.*|ENV|SHELLOPTS|BASHOPTS|IFS|PS4|CDPATH)$/;

/**
 * The environment for insmod, rmmod, flock, systemctl and the shell that runs them. A directory in
 * PATH that is not absolute, an empty one too, is wherever the caller stands: there may be an insmod of anybody's.
 */
export function programEnvironment(env: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  const kept = Object.entries(env).filter(([name]) => !FOR_SHELLS.test(name));
  const given = (env.PATH ?? '').split(':').filter((place) => place.startsWith('/'));
  const places = [...new Set([...given, ...SYSTEM])];
  return { ...Object.fromEntries(kept), PATH: places.join(':'), LC_ALL: 'C' };
}
