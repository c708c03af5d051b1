/** Set on an image that was not made by whoever its name belongs to, but acts for it where none can be pulled. */
const STAND_IN = 'dev.holdfast.stand-in';

export interface Image {
  readonly name: string;
  readonly standIn: boolean;
}

/** The image, which the engine has or pulls. Rejects with what to do when it can't. */
export async function provideImage(name: string): Promise<Image> {
  const { getContainerRuntimeClient, ImageName } = await import('testcontainers');
  const { image } = await getContainerRuntimeClient();
  try {
    if (!(await image.exists(ImageName.fromString(name)))) {
      process.stderr.write(`testbed: pulling the image ${name}\n`);
      await image.pull(ImageName.fromString(name));
    }
    // A pull that fails half way is not told as a failure: the image is not there then.
    const { Config: config } = await image.inspect(ImageName.fromString(name));
    return { name, standIn: STAND_IN in (config.Labels ?? {}) };
  } catch (cause) {
    const met = (cause instanceof Error ? cause.message : String(cause)).trim();
    throw new Error(
      `the engine has no image ${name} and can't pull it: get it with \`docker pull ${name}\` where there is a network, ` +
        `or make one that stands in for it with \`npm run offline-images\` (${met})`,
      { cause },
    );
  }
}
