/** The parts of a pod that the Pod Security Standards look at. */
export interface PodSpec {
  readonly hostNetwork?: boolean
  readonly hostPID?: boolean
  readonly hostIPC?: boolean
  readonly securityContext?: SecurityContext
  readonly containers: readonly Container[]
  readonly volumes: readonly Readonly<Record<string, unknown>>[]
}

interface Container {
  readonly args: readonly string[]
  readonly securityContext?: SecurityContext
  readonly ports?: readonly { readonly name: string; readonly hostPort?: number }[]
}

interface SecurityContext {
  readonly privileged?: boolean
  readonly runAsNonRoot?: boolean
  readonly runAsUser?: number
  readonly allowPrivilegeEscalation?: boolean
  readonly readOnlyRootFilesystem?: boolean
  readonly seccompProfile?: { readonly type: string }
  readonly capabilities?: { readonly drop?: readonly string[]; readonly add?: readonly string[] }
}

const volumeKinds = [
  ...[
    'configMap',
    'csi',
    'downwardAPI',
    'emptyDir',
    'ephemeral',
    'persistentVolumeClaim',
    'projected',
    'secret',
  ],
]

/** Everything for which the standard "restricted" would refuse a pod, in words. */
export function restrictedFaults(pod: PodSpec): string[] {
  const { securityContext: all = {} } = pod
  const faults: string[] = []
  const refuse = (isRefused: boolean | undefined, what: string) => isRefused && faults.push(what)
  refuse(pod.hostNetwork || pod.hostPID || pod.hostIPC, 'a namespace of the host')
  for (const volume of pod.volumes)
    for (const kind of Object.keys(volume)) refuse(kind !== 'name' && !volumeKinds.includes(kind), kind)
  for (const { securityContext: own = {}, ports = [] } of pod.containers) {
    const { capabilities = {}, seccompProfile = all.seccompProfile } = own
    refuse(
      ports.some(({ hostPort }) => hostPort !== undefined),
      'hostPort',
    )
    refuse(own.privileged, 'privileged')
    refuse(own.allowPrivilegeEscalation !== false, 'privilege escalation')
    refuse(!capabilities.drop?.includes('ALL') || (capabilities.add ?? []).length > 0, 'capabilities')
    refuse(!['RuntimeDefault', 'Localhost'].includes(seccompProfile?.type ?? ''), 'seccomp')
    refuse((own.runAsNonRoot ?? all.runAsNonRoot) !== true, 'may be root')
    refuse((own.runAsUser ?? all.runAsUser) === 0, 'root')
  }
  return faults
}
