"""The pages below `/manage/`: what people do with their projects, tokens and organisations, by actions alone."""
