"""The component ``TrainingJob``, served to Pulumi programs in any language."""
