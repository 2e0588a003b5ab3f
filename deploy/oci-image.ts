// An OCI image as one tar: `oci-layout`, `index.json`, and the blobs of manifest, configuration and layers. What
// `ctr images import`, `skopeo copy oci-archive:…`, `podman load` and `kind load image-archive` take. Layers are not
// compressed: they are made and imported once, on one machine.
import { blob, type Entry, type Layer, tarOf } from './layer.ts';
import type { Architecture } from './root-files.ts';

export interface ImageOptions {
  /** Full name with tag, such as `docker.io/echoplane/echoplane:0.1.0`. */
  name: string;
  architecture: Architecture;
  /** `uid:gid` */
  user: string;
  entrypoint: readonly string[];
  command: readonly string[];
  labels: Readonly<Record<string, string>>;
  layers: readonly Layer[];
}

/** The tar, and the digest of the manifest: what `repository@sha256:…` names. */
export function ociImage(options: ImageOptions): { archive: Buffer; digest: string } {
  const config = jsonBlob({
    architecture: options.architecture,
    os: 'linux',
    created: '1970-01-01T00:00:00Z',
    config: {
      User: options.user,
      WorkingDir: '/',
      Entrypoint: options.entrypoint,
      Cmd: options.command,
      Labels: options.labels,
    },
    rootfs: { type: 'layers', diff_ids: options.layers.map((layer) => layer.digest) },
  });
  const manifest = jsonBlob({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: descriptor('application/vnd.oci.image.config.v1+json', config),
    layers: options.layers.map((layer) => descriptor('application/vnd.oci.image.layer.v1.tar', layer)),
    annotations: options.labels,
  });
  const index = {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.index.v1+json',
    manifests: [
      {
        ...descriptor('application/vnd.oci.image.manifest.v1+json', manifest),
        platform: { architecture: options.architecture, os: 'linux' },
        annotations: {
          'io.containerd.image.name': options.name,
          'org.opencontainers.image.ref.name': options.name.slice(options.name.lastIndexOf(':') + 1),
        },
      },
    ],
  };
  const files: Entry[] = [
    { path: '/oci-layout', content: JSON.stringify({ imageLayoutVersion: '1.0.0' }) },
    { path: '/index.json', content: JSON.stringify(index) },
    ...[config, manifest, ...options.layers].map((layer) => ({
      path: `/blobs/sha256/${layer.digest.slice('sha256:'.length)}`,
      content: layer.bytes,
    })),
  ];
  return { archive: tarOf(files), digest: manifest.digest };
}

/** `name` with registry and tag, as container runtimes know it. Throws when it is not the name of an image. */
export function fullName(name: string): string {
  if (!/^[a-z0-9][a-z0-9._:/-]*$/.test(name)) throw new Error(`${name} is not the name of an image.`);
  const first = name.split('/')[0]!;
  const hasRegistry = name.includes('/') && /[.:]|^localhost$/.test(first);
  const path = hasRegistry ? name : `docker.io/${name.includes('/') ? name : `library/${name}`}`;
  return path.lastIndexOf(':') > path.lastIndexOf('/') ? path : `${path}:latest`;
}

function jsonBlob(value: unknown): Layer {
  return blob(Buffer.from(JSON.stringify(value)));
}

function descriptor(mediaType: string, { bytes, digest }: Layer) {
  return { mediaType, digest, size: bytes.length };
}
