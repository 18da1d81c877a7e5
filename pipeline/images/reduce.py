"""A decoded picture brought to RGB and to its working size without large copies on the way."""

from PIL import Image

from pipeline.images.colors import to_rgb

_BAND_PIXELS = 1_000_000


def reduced_rgb(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """`image`, loaded, in RGB at `size`, which is no larger.

    Raises UnsupportedImage as `to_rgb` does. Colors are converted band by band, and each band is
    reduced by a whole number before the next: converted at once, a picture of 64 megapixels with
    alpha takes a gigabyte more than it has itself.
    """
    factor = max(1, min(image.width // size[0], image.height // size[1]))
    small = Image.new("RGB", (-(-image.width // factor), -(-image.height // factor)))
    rows = factor * max(1, _BAND_PIXELS // (image.width * factor))
    for top in range(0, image.height, rows):
        band = to_rgb(_band(image, top, min(top + rows, image.height)))
        small.paste(band.reduce(factor), (0, top // factor))
    if small.size == size:
        return small
    # The last column and row may stand for less than a whole pixel.
    covered = (0.0, 0.0, image.width / factor, image.height / factor)
    return small.resize(size, Image.Resampling.BILINEAR, box=covered)


def _band(image: Image.Image, top: int, bottom: int) -> Image.Image:
    band = image.crop((0, top, image.width, bottom))
    band.format = image.format  # by which to_rgb tells 16-bit gray from 32-bit numbers
    return band
